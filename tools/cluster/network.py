"""The cluster's /24: seen to be free before anything starts, exchanged for another one when it is not."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network

from tools.cluster import environments
from tools.cluster.inventory import Cluster
from tools.cluster.shell import say, stop
from tools.cluster.subnets import ALLOWED, PREFIX, conflict, first_free, uses


@contextmanager
def changing_networks() -> Iterator[None]:
    """Held while this computer's networks change: two clusters must not find the same subnet free, and one
    must not stop what the other has just started.

    A lock on the temporary directory itself: every account has it, and nobody can be in the way.
    """
    descriptor = os.open(tempfile.gettempdir(), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def relocate(cluster: Cluster, provider: str, wanted: IPv4Network | None = None) -> None:
    """Move to a wanted subnet for good, or to the first free one until `down`."""
    taken = uses(cluster, provider)
    if wanted is not None:
        if wanted.prefixlen != PREFIX or not wanted.subnet_of(ALLOWED):
            stop(f"{wanted} is not a /{PREFIX} network within {ALLOWED}")
        if (use := conflict(wanted, taken)) is not None:
            stop(str(use))
    new = wanted or first_free(taken)
    if new is None:
        known = (f"{use}. To free it: {use.command}" for use in taken if use.command)
        stop(f"no /{PREFIX} network within {ALLOWED} is free on this computer:", *known)
    if new != cluster.subnet():
        environments.move(cluster, new, undone_by_down=wanted is None)
    place = cluster.override.relative_to(cluster.root)
    say(f"the machines of '{cluster.env}' get addresses in {new} (written to {place})")


def ensure_free(cluster: Cluster, provider: str, *, may_move: bool) -> None:
    """Say who has the subnet before anything starts, or move out of the way where that harms nobody."""
    subnet = cluster.subnet()
    if not subnet.subnet_of(ALLOWED):
        stop(
            f"{subnet} is not within {ALLOWED}, which the providers allow.",
            f"Type: {cluster.command('relocate')}",
        )
    use = conflict(subnet, uses(cluster, provider))
    if use is None:
        return
    lines = [f"{use}."]
    if use.command:
        lines.append(f"To free it:           {use.command}")
    if any(cluster.vagrant_id(host) for host in cluster.hosts()):
        stop(*lines, f"To start anew:        {cluster.command('down')} && {cluster.command('up')}")
    if not may_move:
        stop(*lines, f"To take another one:  {cluster.command('relocate')}")
    say(str(use))
    relocate(cluster, provider)
