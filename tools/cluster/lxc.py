"""The containers of the lxc provider, beneath Vagrant: what is there, whose it is, taking it away."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.shell import output, run, succeeds

CONTAINERS = Path("/var/lib/lxc")


@dataclass(frozen=True)
class Container:
    """A container of a cluster, named taskyard-CLUSTER-HOST."""

    name: str
    state: str  # RUNNING, STOPPED, ...

    @property
    def cluster_id(self) -> str:
        return self.name.split("-")[1]

    @property
    def host(self) -> str:
        return self.name.split("-", 2)[2]


def containers(cluster_id: str = "[0-9a-f]{8}") -> list[Container]:
    """The containers of one cluster, or of all clusters of all checkouts."""
    if shutil.which("lxc-ls") is None:
        return []
    listing = output(["lxc-ls", "--fancy", "--fancy-format", "NAME,STATE"], root=True, check=False)
    found = (line.split() for line in listing.splitlines()[1:])
    return [Container(words[0], words[1]) for words in found if re.match(f"taskyard-{cluster_id}-", words[0])]


def configurations() -> dict[str, str]:
    """The configuration of every taskyard container, by name."""
    if not CONTAINERS.exists():
        return {}
    script = """for file in "$1"/taskyard-*/config; do
        [ -f "$file" ] && printf '\\n@@ %s\\n' "$file" && cat "$file"; done; true"""
    parts = output(["sh", "-c", script, "sh", str(CONTAINERS)], root=True, check=False).split("\n@@ ")[1:]
    return {Path(head).parent.name: text for head, _, text in (part.partition("\n") for part in parts)}


def kill(name: str) -> None:
    succeeds(["lxc-stop", "--kill", "--name", name], root=True)


def destroy(name: str) -> None:
    """Also a container that was being made when its maker was killed."""
    kill(name)
    if not succeeds(["lxc-destroy", "--force", "--name", name], root=True):
        run(["rm", "-rf", "--one-file-system", str(CONTAINERS / name)], root=True)


def forget_earlier_starts(name: str) -> None:
    """Take out what the provider wrote at earlier starts: as root it only ever appends to the file."""
    script = 'sed "/^# VAGRANT-BEGIN/,/^# VAGRANT-END/d" "$1" > "$1.new" && mv "$1.new" "$1"'
    output(["sh", "-c", script, "sh", str(CONTAINERS / name / "config")], root=True, check=False)
