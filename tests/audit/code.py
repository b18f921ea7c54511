"""The gateway's configuration as it is on the machine, our code, and what it is made of."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.audit.report import Row, sorted_out
from tests.audit.site import BIN, Site
from tests.holes import ACCEPTED, holes
from tools import advisories
from tools.packages import ROOT

GROUP = "Configuration and code"
CODE = ("app", "tools", "roles")


def rows(site: Site) -> Iterator[Row]:
    for machine in site.of("gateway"):
        configuration = machine.host.check_output("cat /etc/nginx/nginx.conf")
        with tempfile.TemporaryDirectory() as folder:
            yield of_gixy(f"gixy on {machine.name}", holes(Path(folder), configuration))
    yield bandit(site)
    for file in sorted(advisories.REQUIREMENTS.glob("*.txt")):
        yield of_pins(file.name, advisories.ask(file))


def of_gixy(name: str, found: Mapping[str, str]) -> Row:
    wrong, waived = sorted_out(((plugin, f"gixy {plugin}") for plugin in found), ACCEPTED)
    return Row(GROUP, name, f"{len(found)} findings", wrong, waived)


def bandit(site: Site) -> Row:
    command = [
        str(BIN / "bandit"),
        "--quiet",
        "--configfile",
        "pyproject.toml",
        "--format",
        "json",
        "--recursive",
        *CODE,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    site.save("bandit.json", done.stdout)
    return of_bandit(json.loads(done.stdout))


def of_bandit(report: Mapping[str, Any]) -> Row:
    """The report is bandit's (--format json)."""
    wrong = [f"{each['filename']}:{each['line_number']} {each['test_id']}" for each in report["results"]]
    wrong += [f"{each['filename']} could not be read" for each in report["errors"]]
    lines = report["metrics"]["_totals"]["loc"]
    if not lines:
        wrong.append("bandit has read nothing")
    return Row(GROUP, "bandit", f"{len(report['results'])} findings in {lines} lines", tuple(wrong))


def of_pins(name: str, answer: list[dict[str, Any]] | str) -> Row:
    """The answer is pip-audit's for each pin, or why there is none."""
    check = f"pip-audit, {name}"
    if isinstance(answer, str):
        return Row(GROUP, check, "nothing could be looked up", not_checked=f"pip-audit says: {answer}")
    found, left_out = tuple(advisories.findings(answer)), list(advisories.not_checked(answer))
    counted = f"{len(answer) - len(left_out)} of {len(answer)} pins looked up, {len(found)} known holes"
    missing = f"PyPI's advisories do not answer for {len(left_out)} pins" if left_out else ""
    return Row(GROUP, check, counted, found, not_checked=missing)
