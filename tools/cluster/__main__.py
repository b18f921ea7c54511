"""The machines of an environment on this computer.

python -m tools.cluster up [--no-provision]   machines, Ansible, smoke test; again: mend and go on
python -m tools.cluster down                  remove the machines and what was made for them
python -m tools.cluster status                machines, and the clusters of other checkouts
python -m tools.cluster relocate [SUBNET]     other addresses, when somebody has these
python -m tools.cluster remove ID             remove what a vanished checkout left
python -m tools.cluster clean                 remove the box, .cache and .venv

All take --env ENVIRONMENT, a folder of inventory/ (default: local).
"""

import argparse
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

from cryptography import x509

from tools import smoke
from tools.cluster import box, bridges, environments, host, lxc, machines, network, subnets
from tools.cluster.inventory import Cluster
from tools.cluster.runs import Runs
from tools.cluster.shell import StopError, say, stop

# site.yml renews a certificate 60 days before its end.
WARNS_DAYS = 60
SECONDS: dict[str, float] = {}


@contextmanager
def stage(name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    SECONDS[name] = time.monotonic() - start


def only_this_computers(cluster: Cluster) -> None:
    """Stop before real hosts are taken for machines of this computer, and their secrets removed."""
    if strangers := subnets.strangers(cluster.hosts()):
        stop(
            f"inventory/{cluster.env} has real hosts, which are not made here: {', '.join(strangers)}",
            f"(their addresses are not in {subnets.ALLOWED}). For them:",
            f"  .venv/bin/ansible-playbook -i inventory/{cluster.env} playbooks/site.yml",
        )


def up(cluster: Cluster, arguments: argparse.Namespace) -> None:
    environments.make(cluster)
    only_this_computers(cluster)
    provider = host.provider_of(cluster)
    report = None
    with Runs(cluster).alone():
        with stage("this computer"):
            machines.prepare(cluster, provider, may_change=True)
        with stage("machines"):
            machines.start(cluster, provider)
        if not arguments.no_provision:
            with stage("Ansible"):
                machines.provision(cluster, provider)
            with stage("smoke test"):
                report = smoke.try_out(cluster.env)
            if report is None:
                stop("the machines run, but the smoke test failed; the reason is above")
    summary(cluster, report)


def summary(cluster: Cluster, report: smoke.Report | None) -> None:
    hosts = cluster.hosts()
    children = cluster.inventory()["all"].get("children") or {}
    groups = {name: list((group or {}).get("hosts") or {}) for name, group in children.items()}
    print(f"\nThe cluster '{cluster.env}' is up.")
    if report is not None:
        url = report.cluster.url
        print(f"  the API       {url}/auth and {url}/tasks")
        print(f"  in a browser  {url}/docs")
        if report.cluster.authority:
            print(f"  to trust      {cluster.secrets.relative_to(cluster.root)}/ca_certificate.pem")
    for name, variables in hosts.items():
        services = ", ".join(group for group, members in groups.items() if name in members)
        print(f"  {name:<13} {variables['ansible_host']:<15} {services}")
    if report is not None:
        print(f"  answered      {', '.join(report.instances)}")
        print(f"  a list took   {report.hit_ms:.1f} ms (HIT, Redis), {report.miss_ms:.1f} ms (MISS, MongoDB)")
    print(f"  it took       {', '.join(f'{name} {seconds:.0f} s' for name, seconds in SECONDS.items())}")


def down(cluster: Cluster, _: argparse.Namespace) -> None:
    environments.make(cluster)
    only_this_computers(cluster)
    provider = host.provider_of(cluster)
    with Runs(cluster).alone():
        machines.destroy(cluster, provider)
    Runs(cluster).forget()
    say(f"the cluster '{cluster.env}' is gone: machines, networks, secrets")
    kept = ", ".join([*(["the box"] if box.installed() else []), ".venv", ".cache"])
    say(f"kept: {kept} (`make clean` removes them), and the Debian packages that were installed")


def status(cluster: Cluster, _: argparse.Namespace) -> None:
    provider = host.provider_of(cluster)
    states = machines.states(cluster, provider)
    print(f"{cluster.owner} ({cluster.id}), {provider}")
    for name, variables in cluster.hosts().items():
        print(f"  {name:<10} {variables['ansible_host']:<15} {states.get(name, 'not made')}")
    kept = sorted((cluster.secrets / "certificates").glob("*.crt"))
    for name, days in [(path.stem, days_left(path)) for path in kept]:
        print(
            f"  certificate of {name:<20} {days} days{'' if days >= WARNS_DAYS else ': run `make provision`'}"
        )
    containers = lxc.containers() if provider == "lxc" else []
    others = {f"ty-{container.cluster_id}": "a checkout without network" for container in containers}
    for bridge, owner in (others | bridges.owners()).items():
        if bridge != cluster.bridge:
            print(f"another cluster: {owner} ({bridge})")


def days_left(path: Path) -> int:
    """For how many days a certificate is good."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return (certificate.not_valid_after_utc - datetime.now(UTC)).days


def relocate(cluster: Cluster, arguments: argparse.Namespace) -> None:
    only_this_computers(cluster)
    if any(cluster.vagrant_id(name) for name in cluster.hosts()):
        stop(f"the machines have their addresses already. First: {cluster.command('down')}")
    wanted = IPv4Network(arguments.argument) if arguments.argument else None
    network.relocate(cluster, host.provider_of(cluster), wanted)


def remove(_: Cluster, arguments: argparse.Namespace) -> None:
    found = re.fullmatch(r"(?:ty-)?([0-9a-f]{8})", arguments.argument or "")
    if not found:
        stop("this needs the id of a cluster; `make status` lists them")
    machines.sweep(found[1])


def clean(cluster: Cluster, _: argparse.Namespace) -> None:
    if lxc.containers(cluster.id):
        stop(f"the machines are there still. First: {cluster.command('down')}")
    removed = box.remove_all()
    for folder in (".cache", ".venv"):
        if (cluster.root / folder).exists():
            shutil.rmtree(cluster.root / folder)
            removed.append(folder)
    say(f"removed: {', '.join(removed) or 'nothing, it was clean'}")


def prepare(cluster: Cluster, arguments: argparse.Namespace) -> None:
    machines.prepare(cluster, arguments.provider, may_change=False)


def tidy(cluster: Cluster, _: argparse.Namespace) -> None:
    machines.tidy(cluster)


# The last two are the Vagrantfile's.
COMMANDS = {f.__name__: f for f in (up, down, status, relocate, remove, clean, prepare, tidy)}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("argument", nargs="?")
    parser.add_argument("--env", default="local")
    parser.add_argument("--no-provision", action="store_true")
    parser.add_argument("--provider", default="lxc", choices=host.PROVIDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        COMMANDS[arguments.command](Cluster(arguments.env), arguments)
    except (StopError, ValueError) as problem:
        print(f"taskyard: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
