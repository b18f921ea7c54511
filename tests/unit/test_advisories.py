"""`make advisories` fails for a hole that is known, and for nothing else; what it could not ask, it says."""

from __future__ import annotations

from typing import Any

import pytest

from tools import advisories

HOLE = {"id": "PYSEC-1", "fix_versions": ["2"], "aliases": [], "description": ""}
CLEAN = {"name": "a", "version": "1", "vulns": []}
HOLED = {"name": "b", "version": "1", "vulns": [HOLE, {**HOLE, "id": "PYSEC-2", "fix_versions": []}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ([CLEAN], 0, ["1 of 1 pins looked up, 0 known holes"]),
        ([CLEAN, HOLED], 1, ["b 1: PYSEC-1 (mended in 2)", "b 1: PYSEC-2 (not mended yet)"]),
        ([UNKNOWN], 0, ["0 of 1 pins looked up", "NOT CHECKED", "says nothing about the rest"]),
        ("no connection", 0, ["NOT CHECKED. pip-audit says: no connection", "says nothing about the rest"]),
    ],
)
def test_a_hole_is_a_failure_and_silence_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: Any,
    status: int,
    said: list[str],
) -> None:
    monkeypatch.setattr(advisories, "ask", lambda _: answer)
    assert advisories.main() == status
    printed = capsys.readouterr().out
    assert all(each in printed for each in said)
