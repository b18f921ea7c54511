"""What ssh-audit has to say against each machine's sshd, asked from here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.audit.report import Row, sorted_out
from tests.audit.site import BIN, Site
from tests.molecule.ssh_audit import LEGACY, said_against

GROUP = "sshd (ssh-audit)"


def rows(site: Site) -> Iterator[Row]:
    for machine in site.machines:
        where = ["--port", str(machine.facts["port"]), machine.facts["host"]]
        done = subprocess.run(
            [str(BIN / "ssh-audit"), "--json", *where], capture_output=True, text=True, check=False
        )
        site.save(f"{machine.name}.ssh.txt", done.stdout + done.stderr)
        yield judged(
            machine.name, json.loads(done.stdout), has_legacy_clients=machine.facts["has_legacy_clients"]
        )


def judged(machine: str, report: dict[str, Any], *, has_legacy_clients: bool) -> Row:
    """The report is ssh-audit's (--json)."""
    against = said_against(report)
    found = [(said.partition(": ")[2], said) for level in ("fail", "warn") for said in sorted(against[level])]
    wrong, waived = sorted_out(found, LEGACY if has_legacy_clients else {})
    counted = f"{len(against['fail'])} failures, {len(against['warn'])} warnings"
    return Row(GROUP, machine, counted, wrong, waived)
