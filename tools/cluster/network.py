"""The cluster's /24: taken before anything starts, moved when somebody else has it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

import yaml

from tools.cluster.inventory import Cluster, Tree, load, merged, moved, without
from tools.cluster.shell import say, stop
from tools.cluster.subnets import ALLOWED, conflict, first_free, uses

# In all.vars of an override.yml that we wrote: where the addresses were before. `down` moves them back.
MARK = "moved_from_subnet"
# Environments that are made on demand from another one and go with their machines.
MADE_FROM = {"e2e": "local"}
HEADER = "# Written by tools/cluster: the subnet in hosts.yml was taken on this computer.\n"


@contextmanager
def host_lock() -> Iterator[None]:
    """Held from finding a free subnet until it is visibly ours, so that two clusters do not find the same one."""
    with Path("/tmp/taskyard-subnets.lock").open("a") as file:
        try:
            Path(file.name).chmod(0o666)
        except PermissionError:
            pass
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_environment(cluster: Cluster) -> None:
    """Copies a made-on-demand environment from its model, without the model's secrets and local changes."""
    model = MADE_FROM.get(cluster.env)
    if model is None:
        if not (cluster.folder / "hosts.yml").exists():
            stop(f"there is no {cluster.folder}/hosts.yml")
        return
    source = cluster.root / "inventory" / model
    skip = shutil.ignore_patterns(".secrets", "override.yml")
    shutil.copytree(source, cluster.folder, ignore=skip, dirs_exist_ok=True)
    chosen = {"all": {"vars": {k: v for k, v in Cluster(model, cluster.root).variables().items() if k in ("vagrant_provider", "vagrant_box")}}}
    if chosen["all"]["vars"] and not cluster.override.exists():
        write_override(cluster, chosen)


def remove_environment(cluster: Cluster) -> None:
    if cluster.env in MADE_FROM:
        shutil.rmtree(cluster.folder, ignore_errors=True)


def write_override(cluster: Cluster, tree: Tree) -> None:
    text = cluster.override.read_text() if cluster.override.exists() else HEADER
    comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    new = cluster.override.with_name(".override.new")
    new.write_text(comments + yaml.safe_dump(tree, sort_keys=False))
    new.replace(cluster.override)


def base_inventory(cluster: Cluster) -> Tree:
    """The inventory without override.yml."""
    result: Tree = {}
    for file in sorted(cluster.folder.glob("*.yml")):
        if file != cluster.override:
            result = merged(result, load(file))
    return result


def move(cluster: Cluster, new: IPv4Network, *, undone_by_down: bool) -> None:
    """Writes the cluster's addresses, moved into `new`, to override.yml; other keys of that file stay."""
    undo_move(cluster)
    old = cluster.subnet()
    change = moved(cluster.inventory(), old, new)
    if undone_by_down:
        change = merged(change, {"all": {"vars": {MARK: str(old)}}})
    write_override(cluster, merged(load(cluster.override), change))


def undo_move(cluster: Cluster) -> None:
    """Takes our part out of override.yml; the file goes when nothing else is in it."""
    override = load(cluster.override)
    old = ((override.get("all") or {}).get("vars") or {}).get(MARK)
    if old is None:
        return
    change = moved(merged(base_inventory(cluster), override), cluster.subnet(), cluster.subnet())
    rest = without(override, merged(change, {"all": {"vars": {MARK: old}}}))
    if rest:
        write_override(cluster, rest)
    else:
        cluster.override.unlink()


def relocate(cluster: Cluster, provider: str, wanted: IPv4Network | None = None, *, undone_by_down: bool = True) -> None:
    taken = uses(cluster, provider)
    if wanted is not None:
        if wanted.prefixlen != 24 or not wanted.subnet_of(ALLOWED):
            stop(f"{wanted} is not a /24 network within {ALLOWED}")
        if (use := conflict(wanted, taken)) is not None:
            stop(str(use))
    new = wanted or first_free(taken)
    if new is None:
        stop(f"no /24 network of {ALLOWED} is free on this computer:", *(f"{use}. To free it: {use.command}" for use in taken if use.command))
    if new != cluster.subnet():
        move(cluster, new, undone_by_down=undone_by_down)
        say(f"the machines of '{cluster.env}' get their addresses from {new} (written to {cluster.override.relative_to(cluster.root)})")


def ensure_free(cluster: Cluster, provider: str, *, may_move: bool) -> None:
    """Says who has the subnet before anything starts, and moves out of the way where that is wanted and harmless."""
    subnet = cluster.subnet()
    if not subnet.subnet_of(ALLOWED):
        stop(f"{subnet} is not within {ALLOWED}, which is what the providers allow. Type: make relocate")
    use = conflict(subnet, uses(cluster, provider))
    if use is None:
        return
    machines = [host for host in cluster.hosts() if cluster.vagrant_id(host)]
    free_it = [f"To free it:            {use.command}"] if use.command else []
    if machines:
        stop(f"{use}.", *free_it, f"Or start anew elsewhere: cd {cluster.root} && make down && make up")
    if not may_move:
        stop(f"{use}.", *free_it, f"To take another one:   {cluster.root}/.venv/bin/python -m tools.cluster relocate --env {cluster.env}")
    say(f"{use}")
    relocate(cluster, provider)
