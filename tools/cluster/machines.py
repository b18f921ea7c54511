"""The machines: preparing this computer for them, running Vagrant, taking everything away."""

import os
import shutil

from tools.cluster import box, bridges, environments, host, libvirt, lxc, mending, network, ssh
from tools.cluster.inventory import Cluster
from tools.cluster.runs import Runs
from tools.cluster.shell import output, say, stop, succeeds


def vagrant_settings(cluster: Cluster, provider: str) -> dict[str, str]:
    return {
        **os.environ,
        "TASKYARD_ENV": cluster.env,
        "VAGRANT_DOTFILE_PATH": str(cluster.dotfile),
        "VAGRANT_DEFAULT_PROVIDER": provider,
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        # Debian's Ruby is newer than its Vagrant expects; the warnings are nothing to a reader.
        "RUBYOPT": f"-W0 {os.environ.get('RUBYOPT', '')}".strip(),
    }


def vagrant(cluster: Cluster, provider: str, *arguments: str) -> None:
    status = Runs(cluster).run(["vagrant", *arguments], vagrant_settings(cluster, provider))
    if status != 0:
        stop(
            f"vagrant {arguments[0]} failed (exit {status}); the reason is above. What is finished stays.",
            f"To go on from here: {cluster.command('up')}",
        )


def prepare(cluster: Cluster, provider: str, *, may_change: bool) -> None:
    """See to all that has to be true before Vagrant starts a machine; quick when it is true already.

    Args:
        cluster: whose machines.
        provider: virtualbox, libvirt or lxc.
        may_change: install missing packages and move to a free subnet, rather than say what to type.
    """
    builds_box = box.is_needed(cluster, provider)
    host.require(provider, builds_box=builds_box, may_install=may_change)
    if provider == "libvirt" and may_change and host.emulates(cluster.variables()):
        say("no KVM here: QEMU emulates the processors; everything takes many times longer")
    ssh.ensure_key(cluster)
    with network.changing_networks():
        if provider == "libvirt":
            libvirt.start()
        network.ensure_free(cluster, provider, may_move=may_change)
        if provider == "lxc":
            bridges.make(cluster.bridge, cluster.subnet(), cluster.owner)
            if bridges.start_nat():
                say("started lxc-net, by which the machines reach the outside")
    if builds_box:
        box.ensure(provider)
    if provider == "lxc":
        for container in lxc.containers(cluster.id):
            if container.state == "STOPPED":
                lxc.forget_earlier_starts(container.name)


def start(cluster: Cluster, provider: str) -> None:
    if provider == "lxc":
        mending.mend(cluster)
    elif provider == "libvirt":
        libvirt.mend(cluster)
    vagrant(cluster, provider, "up", "--provider", provider, "--no-provision")


def provision(cluster: Cluster, provider: str) -> None:
    vagrant(cluster, provider, "provision")


def states(cluster: Cluster, provider: str) -> dict[str, str]:
    """What each machine is doing, by host."""
    if provider == "lxc":
        return {container.host: container.state.lower() for container in lxc.containers(cluster.id)}
    command = ["vagrant", "status", "--machine-readable"]
    listing = output(command, check=False, env=vagrant_settings(cluster, provider), cwd=cluster.root)
    rows = [line.split(",") for line in listing.splitlines()]
    return {row[1]: row[3] for row in rows if row[2:3] == ["state"]}


def destroy(cluster: Cluster, provider: str) -> None:
    """Remove the machines and what was made for them; also those that Vagrant lost."""
    for container in lxc.containers(cluster.id) if provider == "lxc" else []:
        lxc.kill(container.name)
    if any(cluster.dotfile.glob("machines/*/*/id")) and succeeds(["vagrant", "--version"]):
        status = Runs(cluster).run(["vagrant", "destroy", "--force"], vagrant_settings(cluster, provider))
        if status != 0 and provider == "virtualbox":
            stop(f"vagrant destroy failed (exit {status}); the reason is above")
    if provider != "virtualbox":
        sweep(cluster.id)
    environments.remove(cluster)
    for entry in cluster.dotfile.iterdir():
        if entry.name not in ("envs", "run.lock"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def sweep(cluster_id: str) -> None:
    """Remove a cluster's machines and networks by its id alone: also when its checkout is gone."""
    for container in lxc.containers(cluster_id):
        say(f"removing the container {container.name}")
        lxc.destroy(container.name)
    with network.changing_networks():
        bridges.remove(f"ty-{cluster_id}")
        if bridges.stop_nat_if_ours_and_unused():
            say("stopped lxc-net")
        libvirt.sweep(cluster_id)


def tidy(cluster: Cluster) -> None:
    """After `vagrant destroy`: the network goes with the last machine."""
    if not lxc.containers(cluster.id) and not libvirt.domains(cluster.id):
        sweep(cluster.id)
