"""DevSec's baselines (tests/baselines) on every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.audit.report import Row
from tests.audit.site import Site
from tests.baselines import controls, linux, nginx, ssh

GROUP = "Baselines (DevSec)"
# By the group of machines that they are for.
BASELINES = {"all": (linux.BASELINE, ssh.BASELINE), "gateway": (nginx.BASELINE,)}
NAMES = {id(linux.BASELINE): "linux", id(ssh.BASELINE): "ssh", id(nginx.BASELINE): "nginx"}


def rows(site: Site) -> Iterator[Row]:
    for group, baselines in BASELINES.items():
        for baseline in baselines:
            for machine in site.machines if group == "all" else site.of(group):
                name = f"{NAMES[id(baseline)]} on {machine.name}"
                found = list(baseline.rows(machine.host))
                site.save(f"{machine.name}.{NAMES[id(baseline)]}.txt", "".join(f"{row}\n" for row in found))
                yield judged(name, found)


def judged(name: str, found: Sequence[controls.Row]) -> Row:
    counted = Counter(row.outcome for row in found)
    wrong = [f"{row.id} {row.title}: {row.reason}" for row in found if row.outcome == "failed"]
    if not counted["passed"]:
        wrong.append("no control passed: does the machine answer?")
    waived = tuple((row.id, row.reason) for row in found if row.outcome == "waived")
    shown = f"{counted['passed']} passed, {counted['waived']} waived, {counted['failed']} failed"
    return Row(GROUP, name, shown, tuple(wrong), waived)
