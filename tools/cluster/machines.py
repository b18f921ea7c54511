"""The machines: preparing this computer for them, mending what an interrupted run left, running Vagrant."""

from __future__ import annotations

import os
import socket
import time

from tools.cluster import box, lxc, network
from tools.cluster.host import prepare_for_lxc, require_vagrant
from tools.cluster.inventory import Cluster
from tools.cluster.runs import Runs
from tools.cluster.shell import output, say, stop, succeeds


def vagrant_environment(cluster: Cluster, provider: str) -> dict[str, str]:
    return {
        **os.environ,
        "TASKYARD_ENV": cluster.env,
        "VAGRANT_DOTFILE_PATH": str(cluster.dotfile),
        "VAGRANT_DEFAULT_PROVIDER": provider,
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "RUBYOPT": " ".join(["-W0", os.environ.get("RUBYOPT", "")]).strip(),
    }


def vagrant(cluster: Cluster, provider: str, *arguments: str) -> int:
    return Runs(cluster).run(["vagrant", *arguments], vagrant_environment(cluster, provider))


def ensure_key(cluster: Cluster) -> None:
    """The key pair that opens this environment's machines: made with them, gone with them."""
    if cluster.key.exists() and cluster.key.with_suffix(".pub").exists():
        return
    cluster.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    for stale in (cluster.key, cluster.key.with_suffix(".pub")):
        stale.unlink(missing_ok=True)
    new = cluster.secrets / "ssh_key.new"
    new.unlink(missing_ok=True)
    output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"taskyard {cluster.env}", "-f", str(new)])
    new.with_suffix(".new.pub").replace(cluster.key.with_suffix(".pub"))
    new.replace(cluster.key)


def prepare(cluster: Cluster, provider: str, *, may_move: bool = False) -> None:
    """Everything that has to be true before Vagrant starts a machine. Quick when it is true already."""
    if provider == "lxc":
        if prepare_for_lxc():
            say("the packages are installed")
    else:
        require_vagrant(provider)
    ensure_key(cluster)
    with network.host_lock():
        network.ensure_free(cluster, provider, may_move=may_move)
        if provider == "lxc":
            lxc.make_bridge(cluster.bridge, cluster.subnet(), cluster.owner)
    if provider == "lxc":
        if lxc.start_nat():
            say("started lxc-net, by which the machines reach the outside")
        if box.ensure():
            say("the box is ready")
        for container in lxc.containers(cluster.id):
            if container.state != "RUNNING" or container.host in cluster.hosts():
                lxc.forget_earlier_starts(container.name)


def answers_ssh(address: str, patience: float) -> bool:
    """Whether an SSH server greets there within so many seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                connection.settimeout(2)
                if connection.recv(4) == b"SSH-":
                    return True
        except OSError:
            pass
        time.sleep(0.3)
    return False


def lets_us_in(cluster: Cluster, address: str) -> bool:
    """With this environment's key, or with Vagrant's own on a machine that was only just made."""
    keys = [str(cluster.key), *output(["sh", "-c", "ls /usr/share/rubygems-integration/all/gems/vagrant-*/keys/vagrant"], check=False).split()]
    options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5"]
    identities = [word for key in keys for word in ("-i", key)]
    return succeeds(["ssh", *options, "-o", "IdentitiesOnly=yes", *identities, f"vagrant@{address}", "true"])


def mend_containers(cluster: Cluster) -> None:
    """What Vagrant would stumble over: containers that it does not know, and running ones that do not answer."""
    marker = cluster.dotfile / "provisioned"
    for container in lxc.containers(cluster.id):
        known = cluster.vagrant_id(container.host)
        address = cluster.hosts().get(container.host, {}).get("ansible_host")
        if known is None or address is None:
            reason = "was being made when a run was interrupted" if address else "is no longer in the inventory"
            say(f"{container.host} {reason}: removing it")
            lxc.destroy(container.name)
            continue
        if container.state != "RUNNING":
            if container.state != "STOPPED":
                succeeds(["lxc-stop", "--kill", "--name", container.name], root=True)
            continue
        finished = marker.exists() and known.stat().st_mtime < marker.stat().st_mtime
        if not answers_ssh(address, patience=20):
            say(f"{container.host} runs but does not answer: {'restarting' if finished else 'making'} it {'' if finished else 'anew'}".rstrip())
            if finished:
                succeeds(["lxc-stop", "--kill", "--name", container.name], root=True)
            else:
                lxc.destroy(container.name)
        elif not lets_us_in(cluster, address):
            if finished:
                stop(
                    f"{container.host} does not accept this checkout's key ({cluster.key}). Its data would be lost by making it anew:",
                    "make down && make up",
                )
            lxc.destroy(container.name)


def up(cluster: Cluster, provider: str) -> None:
    if provider == "lxc":
        mend_containers(cluster)
    _vagrant_or_stop(cluster, provider, "up", "--provider", provider, "--no-provision")


def provision(cluster: Cluster, provider: str) -> None:
    _vagrant_or_stop(cluster, provider, "provision")


def _vagrant_or_stop(cluster: Cluster, provider: str, *arguments: str) -> None:
    status = vagrant(cluster, provider, *arguments)
    if status != 0:
        stop(
            f"vagrant {arguments[0]} failed (exit {status}); the reason is above. What is finished stays. To go on from here, type:",
            f"python -m tools.cluster up --env {cluster.env}",
        )


def destroy(cluster: Cluster, provider: str) -> None:
    """Every machine and the network, with Vagrant and, for containers, without it."""
    containers = lxc.containers(cluster.id) if provider == "lxc" else []
    for container in containers:
        succeeds(["lxc-stop", "--kill", "--name", container.name], root=True)
    has_vagrant = succeeds(["vagrant", "--version"])
    if has_vagrant and any(cluster.dotfile.glob("machines/*/*/id")):
        status = vagrant(cluster, provider, "destroy", "--force")
        if status != 0 and provider != "lxc":
            stop(f"vagrant destroy failed (exit {status}); the reason is above")
    sweep(cluster.id)


def sweep(cluster_id: str) -> None:
    """Takes a cluster's containers and its bridge away by its id alone: also one whose checkout is gone."""
    for container in lxc.containers(cluster_id):
        say(f"removing the container {container.name}")
        lxc.destroy(container.name)
    lxc.remove_bridge(f"ty-{cluster_id}")


def tidy(cluster: Cluster) -> None:
    """After `vagrant destroy`: the network goes with the last machine."""
    if not lxc.containers(cluster.id):
        lxc.remove_bridge(cluster.bridge)
        lxc.stop_nat_if_ours_and_unused()
