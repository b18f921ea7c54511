"""A small run of the history checker: `make check-cache` is the large one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.history.session import Session

OPERATIONS = 6_000
OPERATIONS_UNTIL_CAUGHT = 4_000


def test_no_list_ever_lies_whatever_breaks(tmp_path: Path) -> None:
    session = Session(tmp_path)
    asyncio.run(session.run(OPERATIONS))
    assert session.faults.happened.total() > 0
    assert session.tally.reads["HIT"] > 0
    assert not session.tally.violations, session.tally.examples


def test_the_usual_cache_is_caught(tmp_path: Path) -> None:
    session = Session(tmp_path, naive=True)
    asyncio.run(session.run(OPERATIONS_UNTIL_CAUGHT, faults=False))
    assert session.tally.reads["BYPASS"] == 0  # it is caught for what it does, not for what it fails to do
    assert session.tally.violations.keys() & {"stale", "lost", "resurrected"}
