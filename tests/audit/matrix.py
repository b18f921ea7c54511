"""Who reaches whom: what `make scan` finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.audit.report import Row
from tests.audit.site import Site
from tools import scan

GROUP = "Firewall"


def rows(site: Site) -> Iterator[Row]:
    found = scan.scan(site.environment)
    site.save("scan.txt", scan.table(found) + "\n")
    yield pairs(found, len(site.machines))


def pairs(found: Sequence[scan.Row], machines: int) -> Row:
    wrong = [f"from {row.source} to {row.target}: {row.fault}" for row in found if row.fault]
    if len({row.target for row in found}) < machines:
        wrong.append(
            f"of {machines} machines only {len({row.target for row in found})} have a firewall of ours"
        )
    right = sum(not row.fault for row in found)
    return Row(
        GROUP,
        "every port, every pair",
        f"{right} of {len(found)} pairs as the inventory implies",
        tuple(wrong),
    )
