"""The machines of the running cluster: commands on them, and the processor time of their servers."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cost.variants import Part, look
from tools.cluster.inventory import Cluster
from tools.cluster.shell import stop

# proc(5) counts processor time in these, whatever the kernel's own clock is (USER_HZ).
TICKS_A_SECOND = 100


@dataclass(frozen=True)
class Machine:
    """A machine, and how it is reached."""

    name: str
    address: str
    user: str
    key: Path

    def run(self, script: str) -> str:
        """Run a script as root, and return what it printed. Raises StopError."""
        return self._tell("sudo sh -s", script.encode())

    def send(self, file: Path, path: str) -> None:
        """Write a file as root. Raises StopError."""
        self._tell(f"sudo sh -c {shlex.quote(f'cat > {shlex.quote(path)}')}", file.read_bytes())

    def _tell(self, command: str, given: bytes) -> str:
        options = ["BatchMode=yes", "ConnectTimeout=10", "LogLevel=ERROR"]
        options += ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
        ssh = ["ssh", "-i", str(self.key), *(word for option in options for word in ("-o", option))]
        # In a session of its own, so that Ctrl-C does not leave half of it done.
        done = subprocess.run(
            [*ssh, f"{self.user}@{self.address}", command],
            input=given,
            capture_output=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            stop(f"{self.name} did not do what it was told:", *done.stderr.decode().strip().splitlines())
        return done.stdout.decode()


@dataclass(frozen=True)
class Seen:
    """A part's processor time since its processes began, and whether each of them filters system calls."""

    cpu_seconds: float
    is_in_sandbox: bool


def machines(cluster: Cluster, part: Part) -> list[Machine]:
    """The machines that have a part. Raises StopError."""
    if not cluster.key.exists():
        stop(f"there is no cluster '{cluster.env}' here. To make one, type:", cluster.command("up"))
    variables = cluster.hosts()
    user = cluster.variables()["ansible_user"]
    group = cluster.inventory()["all"]["children"][part.group]["hosts"]
    return [Machine(name, variables[name]["ansible_host"], user, cluster.key) for name in group]


def read(text: str) -> Seen:
    """What `look` (tests/cost/variants.py) prints. A main process's children do its work: they count too."""
    main: dict[int, int] = {}
    outside, ticks = 0, 0
    for line in text.splitlines():
        match line.split():
            case ["main", pid, filters]:
                main[int(pid)] = int(filters)
            case ["outside", filters]:
                outside = int(filters)
            case _:
                ticks += sum(times(line, set(main)))
    # A container has filters of its own around everything that is in it.
    filtered = {filters > outside for filters in main.values()}
    if len(filtered) != 1:
        stop(f"the processes are not all alike, or there is none: {main}")
    return Seen(ticks / TICKS_A_SECOND, filtered.pop())


def times(stat: str, main: set[int]) -> Iterator[int]:
    """The processor time of a line of /proc/<pid>/stat, user's and system's, in ticks, if it is one of these.

    The second field is a name in parentheses, in which anything may be; the fourth is the parent, the 14th
    and 15th are the times (proc(5)).
    """
    head, _, rest = stat.rpartition(")")
    fields = rest.split()
    if {int(head.split()[0]), int(fields[1])} & main:
        yield from (int(fields[11]), int(fields[12]))


def seen(here: list[Machine], part: Part) -> Seen:
    """The part on all of its machines. Raises StopError."""
    each = [read(machine.run(look(part))) for machine in here]
    return Seen(sum(one.cpu_seconds for one in each), all(one.is_in_sandbox for one in each))
