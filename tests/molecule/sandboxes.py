"""What a machine's units may do: systemd's own score of it, and the sandbox that a running process is in."""

from __future__ import annotations

import re

from testinfra.host import Host

# systemd-analyze scores from 0 (may do nothing) to 10. Services of our own, and programs of others.
OWN = 2.0
OTHERS = 3.5


def check_score(machine: Host, unit: str, limit: float) -> None:
    """The unit's exposure is at most that."""
    said = machine.run("systemd-analyze security --no-pager %s", unit)
    found = score(said.stdout)
    assert found is not None, said.stderr
    assert found <= limit, said.stdout


def score(said: str) -> float | None:
    """The number in what systemd-analyze security says of a unit, if it says one."""
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", said)
    return float(found[1]) if found else None


def check_sandbox(machine: Host, unit: str, *writable: str) -> None:
    """The unit's process was started in its sandbox, and of all folders these alone can be written there."""
    pid = machine.check_output("systemctl show --property=MainPID --value %s", unit)
    status = machine.check_output("cat /proc/%s/status", pid).splitlines()
    assert {"NoNewPrivs:\t1", "Seccomp:\t2"} <= set(status)
    folders = ("/", "/etc", "/usr", "/opt", "/var", "/var/lib", "/root", *writable)
    assert [folder for folder in folders if can_write(machine, pid, folder)] == [*writable]


def can_write(machine: Host, pid: str, folder: str) -> bool:
    """Whether root could write there, if it saw the file systems as the process does."""
    file = f"/proc/{pid}/root{folder}/sandbox-test"
    written = machine.run("touch %s && rm %s", file, file)
    return bool(written.rc == 0)
