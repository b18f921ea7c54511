"""Where a secret belongs on the machines: found there and nowhere else, and not for all to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tests.audit.searching import Places

OTHERS_MAY_READ = 0o004


@dataclass(frozen=True)
class Place:
    """A file on a group's machines, and the secrets in it: their files below .secrets ({} is the machine)."""

    group: str
    path: str
    secrets: frozenset[str]
    is_always: bool = True  # whether each machine of the group has it


PLACES = [
    Place(
        "auth_service", "/etc/taskyard/auth.env", frozenset({"mongodb_auth_password", "redis_auth_password"})
    ),
    Place("auth_service", "/etc/taskyard/auth/private_key.pem", frozenset({"jwt_private_key.pem"})),
    Place(
        "task_service",
        "/etc/taskyard/tasks.env",
        frozenset({"mongodb_tasks_password", "redis_tasks_password"}),
    ),
    Place("mongodb", "/etc/mongodb/keyfile", frozenset({"mongodb_keyfile"})),
    Place("mongodb", "/etc/mongodb/certificate.pem", frozenset({"certificates/{}-mongodb.key"})),
    Place("redis", "/etc/redis/certificate.pem", frozenset({"certificates/{}-redis.key"})),
    # A replica signs in at its primary.
    Place("redis", "/etc/redis/redis.conf", frozenset({"redis_replication_password"}), is_always=False),
    Place("gateway", "/etc/nginx/certificate.pem", frozenset({"certificates/{}-nginx.key"})),
]


def misplaced(
    machine: str, groups: AbstractSet[str], known: AbstractSet[str], found: Places, modes: Mapping[str, int]
) -> Iterator[str]:
    """What is wrong with where secrets were found on a machine.

    Args:
        machine: its name in the inventory.
        groups: the groups that it is in.
        known: the names of all secrets that there are.
        found: by place the names of what is there.
        modes: of the places that are files.
    """
    belongs: Places = {}
    for place in PLACES:
        if place.group not in groups:
            continue
        names = {name.format(machine) for name in place.secrets} & known
        belongs.setdefault(place.path, set()).update(names)
        for name in sorted(names - found.get(place.path, set())) if place.is_always else ():
            yield f"{name} is not in {place.path}: has the search seen it?"
    for path, names in sorted(found.items()):
        for name in sorted(names - belongs.get(path, set())):
            yield f"{name} is in {path}"
        if modes.get(path, 0) & OTHERS_MAY_READ:
            yield f"{path} can be read by all ({modes[path]:04o})"
