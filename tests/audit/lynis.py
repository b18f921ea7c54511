"""What lynis has to say of each machine, where playbooks/audit.yml asks it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.audit.report import Row, sorted_out
from tests.audit.site import Site

GROUP = "Machines (lynis)"
# By the id of lynis' test.
WAIVERS = {
    "DBS-1820": (
        "lynis looks for one line in one file. A member with a keyfile refuses who has not signed in without"
        ' that line, too: the row about MongoDB in "TLS inside" asks it.'
    ),
}


def rows(site: Site) -> Iterator[Row]:
    site.playbook("audit.yml", "--skip-tags=facts", "-e", f"audit_dir={site.reports}", log="lynis.txt")
    for machine in site.machines:
        yield judged(machine.name, (site.reports / f"{machine.name}.lynis").read_text())


def judged(machine: str, report: str) -> Row:
    """The report is lynis' own file: name=value, a line each."""
    index = re.search(r"^hardening_index=(\d+)$", report, re.MULTILINE)
    said = [line.split("|")[:2] for line in re.findall(r"^warning\[\]=(.+)$", report, re.MULTILINE)]
    suggestions = len(re.findall(r"^suggestion\[\]=", report, re.MULTILINE))
    wrong, waived = sorted_out(((name, f"{name}: {text}") for name, text in said), WAIVERS)
    if index is None:
        wrong += ("lynis has not come to its end",)
    counted = f"index {index[1] if index else '?'}, {len(said)} warnings, {suggestions} suggestions"
    return Row(GROUP, machine, counted, wrong, waived)
