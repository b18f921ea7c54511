"""Makes and removes the machines of an environment on this computer.

    python -m tools.cluster up [--env ENV] [--no-provision]   machines, Ansible, smoke test; again: mends and goes on
    python -m tools.cluster down [--env ENV]                  removes the machines and what was made for them
    python -m tools.cluster status [--env ENV]                machines, and clusters of other checkouts
    python -m tools.cluster relocate [SUBNET] [--env ENV]     other addresses, when somebody has these
    python -m tools.cluster remove ID                         removes what a vanished checkout left
    python -m tools.cluster clean                             removes the box, .cache and .venv
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network

from tools.cluster import box, host, lxc, machines, network
from tools.cluster.inventory import Cluster
from tools.cluster.runs import Runs
from tools.cluster.shell import Stop, output, say, stop

TIMES: dict[str, float] = {}


@contextmanager
def stage(name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    TIMES[name] = time.monotonic() - start


def up(cluster: Cluster, *, provision: bool) -> None:
    network.make_environment(cluster)
    provider = host.provider_of(cluster)
    with Runs(cluster).alone():
        with stage("this computer"):
            machines.prepare(cluster, provider, may_move=True)
        with stage("machines"):
            machines.up(cluster, provider)
        if provision:
            with stage("Ansible"):
                machines.provision(cluster, provider)
        if provision and importlib.util.find_spec("tools.smoke"):
            with stage("smoke test"):
                if subprocess.run([sys.executable, "-m", "tools.smoke", "--env", cluster.env], cwd=cluster.root, check=False).returncode != 0:
                    stop("the machines run, but the smoke test failed; the reason is above")
    summary(cluster)


def summary(cluster: Cluster) -> None:
    hosts = cluster.hosts()
    groups = {name: list((group or {}).get("hosts") or {}) for name, group in cluster.inventory()["all"].get("children", {}).items()}
    gateways = groups.get("gateway", [])
    print(f"\nThe cluster '{cluster.env}' is up.")
    if gateways:
        print(f"  gateway    http://{hosts[gateways[0]]['ansible_host']}/")
    for name, variables in hosts.items():
        services = ", ".join(group for group, members in groups.items() if name in members)
        print(f"  {name:<10} {variables['ansible_host']:<15} {services}")
    print("  " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in TIMES.items()))


def down(cluster: Cluster) -> None:
    generated = cluster.env in network.MADE_FROM
    if not (cluster.folder / "hosts.yml").exists():
        if not generated:
            stop(f"there is no {cluster.folder}/hosts.yml")
        network.make_environment(cluster)
    provider = host.provider_of(cluster)
    with Runs(cluster).alone():
        machines.destroy(cluster, provider)
        shutil.rmtree(cluster.secrets, ignore_errors=True)
        network.undo_move(cluster)
        network.remove_environment(cluster)
        if lxc.stop_nat_if_ours_and_unused():
            say("stopped lxc-net")
        for leftover in cluster.dotfile.iterdir():
            if leftover.name not in ("envs", "run.lock"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    (cluster.dotfile / "run.lock").unlink(missing_ok=True)
    for folder in (cluster.dotfile, cluster.dotfile.parent, cluster.dotfile.parent.parent):
        if folder.is_relative_to(cluster.root / ".vagrant") and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
    say(f"the cluster '{cluster.env}' is gone: machines, network, secrets")
    kept = [*(["the box"] if box.installed() else []), ".venv and .cache"]
    say(f"kept for the next time: {', '.join(kept)} (`make clean` removes them) and the Debian packages that were installed")


def status(cluster: Cluster) -> None:
    provider = host.provider_of(cluster)
    states = {c.host: c.state.lower() for c in lxc.containers(cluster.id)} if provider == "lxc" else {}
    if provider != "lxc":
        lines = output(["vagrant", "status", "--machine-readable"], check=False).splitlines()
        states = {words[1]: words[3] for line in lines if (words := line.split(","))[2:3] == ["state"]}
    print(f"{cluster.owner} ({cluster.id}), {provider}")
    for name, variables in cluster.hosts().items():
        print(f"  {name:<10} {variables['ansible_host']:<15} {states.get(name, 'not made')}")
    others: dict[str, str] = dict(lxc.bridges().items())
    for container in lxc.containers():
        others.setdefault(f"ty-{container.cluster_id}", "an unknown checkout")
    for bridge, owner in others.items():
        if bridge != cluster.bridge:
            print(f"another cluster: {owner} ({bridge})")


def remove(leftover: str) -> None:
    cluster_id = leftover.removeprefix("ty-")
    if len(cluster_id) != 8 or set(cluster_id) - set("0123456789abcdef"):
        stop(f"{leftover} is not the id of a cluster; `status` lists them")
    machines.sweep(cluster_id)
    lxc.stop_nat_if_ours_and_unused()


def clean(cluster: Cluster) -> None:
    if lxc.containers(cluster.id):
        stop("the machines are there still. First: make down")
    removed = box.remove_all()
    for folder in (".cache", ".venv"):
        if (cluster.root / folder).exists():
            shutil.rmtree(cluster.root / folder)
            removed.append(folder)
    say(f"removed: {', '.join(removed) or 'nothing, it was clean'}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["up", "down", "status", "relocate", "remove", "clean", "prepare", "tidy"])
    parser.add_argument("argument", nargs="?")
    parser.add_argument("--env", default="local")
    parser.add_argument("--no-provision", action="store_true")
    parser.add_argument("--provider", help="used by the Vagrantfile")
    arguments = parser.parse_args()
    cluster = Cluster(arguments.env)
    try:
        match arguments.command:
            case "up":
                up(cluster, provision=not arguments.no_provision)
            case "down":
                down(cluster)
            case "status":
                status(cluster)
            case "relocate":
                if any(cluster.vagrant_id(name) for name in cluster.hosts()):
                    stop("the machines have their addresses already. First: make down")
                wanted = IPv4Network(arguments.argument) if arguments.argument else None
                network.relocate(cluster, host.provider_of(cluster), wanted, undone_by_down=wanted is None)
            case "remove":
                remove(arguments.argument or "")
            case "clean":
                clean(cluster)
            case "prepare":
                machines.prepare(cluster, arguments.provider)
            case "tidy":
                machines.tidy(cluster)
    except (Stop, ValueError) as problem:
        print(f"taskyard: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
