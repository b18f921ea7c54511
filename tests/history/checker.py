"""Judges what many clients saw, operation by operation, by the times at which each began and ended.

A task is written by one client, one write after the other: write 0 creates it, write n sets its number to n,
the last one may delete it. So a list may show of each task any write between two bounds:

- not older than the last write acknowledged before the read began (`floor`),
- not newer than the last write begun before the read ended (`ceiling`).

A write without an answer has an unknown outcome: it is never acknowledged, and its task is not written again.
What a read saw is no bound for the next: a write that nobody was told about may be seen and then not be seen
(docs/decisions/0003-cache.md), and of one that is acknowledged the floor says all that is promised.
Pure: times are numbers that only grow, and operations are told in the order of these times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["stale", "lost", "resurrected", "phantom"]
ABSENT = -1  # not created yet


@dataclass(frozen=True, slots=True)
class Violation:
    kind: Kind
    task: str
    seen: int | None  # the number in the list, or that it is not there
    floor: int
    ceiling: int
    began: float
    ended: float
    where: str  # who answered, from where


@dataclass(slots=True)
class _Task:
    begun: int = ABSENT
    deleting: int | None = None  # the write that deletes it, if that has begun
    acknowledged: list[tuple[float, int]] = field(default_factory=list)  # (when, write), growing

    def floor(self, at: float) -> int:
        return next((write for when, write in reversed(self.acknowledged) if when < at), ABSENT)

    def forget(self, before: float) -> None:
        """Drop what no read that began since then can ask for."""
        while len(self.acknowledged) > 1 and self.acknowledged[1][0] < before:
            del self.acknowledged[0]


class Checker:
    """The history of one user's tasks. Reads are told when they end."""

    def __init__(self) -> None:
        self.found: Counter[Kind] = Counter()
        self.examples: list[Violation] = []
        self._tasks: dict[str, _Task] = {}
        self._deleted: set[str] = set()  # long ago: no list may show them any more

    def write_begins(self, task: str, *, deletes: bool = False) -> int:
        """Return the write's number."""
        history = self._tasks.setdefault(task, _Task())
        history.begun += 1
        if deletes:
            history.deleting = history.begun
        return history.begun

    def write_acknowledged(self, task: str, at: float) -> None:
        history = self._tasks[task]
        history.acknowledged.append((at, history.begun))

    def read(
        self,
        seen: Mapping[str, int],
        began: float,
        ended: float,
        where: str = "",
        shows: Callable[[int], bool] = lambda _: True,
        *,
        whole: bool = True,
    ) -> None:
        """Check a list: the numbers by task. `shows` says which numbers the query lets through.

        Of a page (not the `whole` list) only what it shows is judged: the rest may be on another page.
        """
        for task, history in self._tasks.items():
            if not whole and task not in seen:
                continue
            floor = history.floor(began)
            kind = _judge(history, floor, seen.get(task), shows)
            if kind:
                self._report(Violation(kind, task, seen.get(task), floor, history.begun, began, ended, where))
        for task in seen.keys() - self._tasks.keys():
            kind = "resurrected" if task in self._deleted else "phantom"
            self._report(Violation(kind, task, seen[task], ABSENT, ABSENT, began, ended, where))

    def vanished(self, task: str, began: float, ended: float, where: str) -> None:
        """Tell that a write was answered "there is no such task", which only its own deletion may cause."""
        history = self._tasks[task]
        self._report(Violation("lost", task, None, history.floor(began), history.begun, began, ended, where))

    def forget(self, before: float) -> None:
        """No read that is told from now on began earlier than `before`: keep memory bounded."""
        for task, history in list(self._tasks.items()):
            history.forget(before)
            if history.deleting is not None and history.floor(before) == history.deleting:
                del self._tasks[task]
                self._deleted.add(task)

    def _report(self, violation: Violation) -> None:
        self.found[violation.kind] += 1
        if len(self.examples) < 20:
            self.examples.append(violation)


def _judge(history: _Task, floor: int, seen: int | None, shows: Callable[[int], bool]) -> Kind | None:
    if seen is not None:
        if floor == history.deleting:
            return "resurrected"
        if seen > history.begun or seen == history.deleting or seen < 0 or not shows(seen):
            return "phantom"
        return "stale" if seen < floor else None
    possible = range(floor, history.begun + 1)
    if any(each in (ABSENT, history.deleting) or not shows(each) for each in possible):
        return None
    return "lost"
