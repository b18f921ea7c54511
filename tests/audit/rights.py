"""What a service's account in the database may not do: the test of it, with a real MongoDB here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from tests.audit.report import Row
from tests.audit.site import Site
from tools.packages import ROOT

GROUP = "Least rights"
TEST = "tests/api/test_least_rights.py"


def rows(site: Site) -> Iterator[Row]:
    report = site.reports / "rights.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", TEST, f"--junitxml={report}", "-q", "--no-header"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    site.save("rights.txt", done.stdout)
    yield judged(report.read_text())


def judged(report: str) -> Row:
    """The report is pytest's (JUnit's XML)."""
    cases = list(ET.fromstring(report).iter("testcase"))
    wrong = [str(case.get("name")) for case in cases if len(case)]
    if not cases:
        wrong.append("nothing was tried")
    return Row(
        GROUP,
        "MongoDB's accounts",
        f"{len(cases) - len(wrong)} of {len(cases)} as they should be",
        tuple(wrong),
    )
