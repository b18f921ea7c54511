"""Rows, and the table that they make. Nothing here is ever a secret: checks name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Outcome = Literal["passed", "waived", "not checked", "FAILED"]
RULE = 118


@dataclass(frozen=True)
class Row:
    """What came of a check: a short result, what is wrong, and what is waived with the reason for each."""

    group: str
    check: str
    result: str
    wrong: tuple[str, ...] = ()
    waived: tuple[tuple[str, str], ...] = ()
    not_checked: str = ""  # why nobody could say: no failure, and no success

    @property
    def outcome(self) -> Outcome:
        if self.wrong:
            return "FAILED"
        if self.not_checked:
            return "not checked"
        return "waived" if self.waived else "passed"


def sorted_out(
    found: Iterable[tuple[str, str]], waivers: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """What is wrong, and what is waived, of pairs of an id and what is said of it. A waiver is for an id."""
    wrong, waived = [], []
    for identity, said in found:
        if identity in waivers:
            waived.append((said, waivers[identity]))
        else:
            wrong.append(said)
    return tuple(wrong), tuple(waived)


def table(rows: Iterable[Row]) -> str:
    """A line for each row by groups; below it what is wrong, and each waiver once with its reason."""
    rows = list(rows)
    width = max((len(row.check) for row in rows), default=0) + 4
    lines: list[str] = []
    for group, members in groupby(rows, key=lambda row: row.group):
        lines += ["", group]
        lines += [f"  {row.check:<{width}}{row.outcome:<13}{row.result}" for row in members]
    failed = [f"  {row.group}, {row.check}: {each}" for row in rows for each in row.wrong]
    unknown = [f"  {row.group}, {row.check}: {row.not_checked}" for row in rows if row.not_checked]
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for what, reason in row.waived:
            reasons.setdefault(reason, []).append(what)
    waived = [
        f"  {', '.join(dict.fromkeys(whats))}\n      {reason}" for reason, whats in sorted(reasons.items())
    ]
    for title, part in (("FAILED", failed), ("Not checked", unknown), ("Waived, and why", waived)):
        if part:
            lines += ["", "-" * RULE, title, *part]
    return "\n".join(lines).lstrip("\n")
