"""What ssh-audit has to say against a machine's sshd, asked on the machine itself."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from testinfra.host import Host

FOLDER = "/root/ssh-audit"
# What `hardening_ssh_legacy_clients` leaves, and why that is so.
LEGACY = {
    "does not provide protection against post-quantum attacks": (
        "hardening_ssh_legacy_clients is set, as for Vagrant's own client: older key exchanges are taken. Who"
        " records a session of such a client today could read it with a quantum computer one day; what newer"
        " clients say stays safe."
    ),
    # Debian 13's sshd has groups of that size for those who let it choose one, which net-ssh does.
    "2048-bit modulus only provides 112-bits of symmetric strength": (
        "hardening_ssh_legacy_clients is set: Debian's sshd has a group of that size for older clients that"
        " let it choose one."
    ),
}


def findings(machine: Host) -> dict[str, set[str]]:
    """{"fail": …, "warn": …}: each algorithm, with what is said against it."""
    spec = importlib.util.find_spec("ssh_audit")
    assert spec is not None
    assert spec.origin is not None
    copy_there(machine, Path(spec.origin).parent)
    # It closes with another code where it has found something.
    said = machine.run(f"PYTHONPATH={FOLDER} python3 -m ssh_audit.ssh_audit --json 127.0.0.1").stdout
    return said_against(json.loads(said))


def said_against(report: dict[str, Any]) -> dict[str, set[str]]:
    """The same, of a report of ssh-audit's (--json)."""
    found: dict[str, set[str]] = {"fail": set(), "warn": set()}
    for kind in ("kex", "key", "enc", "mac"):
        assert report[kind], f"it has seen no {kind}"
        for algorithm in report[kind]:
            for level, said_against in found.items():
                said_against |= {
                    f"{algorithm['algorithm']}: {note}" for note in algorithm["notes"].get(level, [])
                }
    return found


def copy_there(machine: Host, package: Path) -> None:
    """Put a package of pure Python where the machine's own Python finds it."""
    packed = subprocess.run(
        ["tar", "-C", package.parent, "--exclude=__pycache__", "-cz", package.name],
        capture_output=True,
        check=True,
    )
    machine.run_expect([0], f"mkdir -p {FOLDER}")
    machine_name = ["-F", os.environ["MOLECULE_SSH_CONFIG"], machine.backend.host.name]
    subprocess.run(["ssh", *machine_name, f"tar -C {FOLDER} -xz"], input=packed.stdout, check=True)
