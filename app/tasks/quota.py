"""How many tasks a person may have, also when many requests make some at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.common.problems import ProblemError

# Who was counted may use so small a part of the room that was left, for so long, without being counted again:
# close to the limit it is no room at all, and everybody is.
_UNCOUNTED_PART = 16
_UNCOUNTED_SECONDS = 30
_REMEMBERED = 4096


class QuotaError(ProblemError):
    def __init__(self, limit: int) -> None:
        super().__init__(409, f"nobody may have more than {limit} tasks: delete some first")


@dataclass
class _Owner:
    """Requests of one person. `reserved` counts all that ever was, `in_flight` what may not be stored yet."""

    requests: int = 0
    reserved: int = 0
    in_flight: int = 0
    finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Uncounted:
    """What a person may still store without being counted, and until when (monotonic seconds)."""

    left: int
    until: float


class Quota:
    """Exact within a process. Other processes see what is stored: each of them may use the room once more.

    `limit` is of all that is stored and under way here, and of what may be stored without counting: a count
    that finds room says anew how much that is.
    """

    def __init__(self, limit: int, count: Callable[[str], Awaitable[int]]) -> None:
        self.limit = limit
        self._count = count
        self._owners: dict[str, _Owner] = {}
        self._uncounted: dict[str, _Uncounted] = {}

    @asynccontextmanager
    async def room(self, owner: str, wanted: int) -> AsyncIterator[None]:
        """Hold room for the tasks that are stored inside. Raises QuotaError."""
        state = self._owners.setdefault(owner, _Owner())
        state.requests += 1
        try:
            await self._find_room(owner, state, wanted)
            state.reserved += wanted
            state.in_flight += wanted
            try:
                yield
            finally:
                state.in_flight -= wanted
                state.finished.set()
                state.finished = asyncio.Event()
        finally:
            state.requests -= 1
            if not state.requests:
                del self._owners[owner]

    async def _find_room(self, owner: str, state: _Owner, wanted: int) -> None:
        if self._needs_no_count(owner, wanted):
            return
        while True:
            finished, before = state.finished, state.in_flight - state.reserved
            stored = await self._count(owner)
            if stored + wanted > self.limit:
                raise QuotaError(self.limit)
            # What was under way when the count began, or has begun since, may be in it or not.
            if (at_most := stored + before + state.reserved + wanted) <= self.limit:
                self._remember(owner, (self.limit - at_most) // _UNCOUNTED_PART)
                return
            await finished.wait()

    def _needs_no_count(self, owner: str, wanted: int) -> bool:
        known = self._uncounted.get(owner)
        if known is None or known.left < wanted or known.until < time.monotonic():
            return False
        known.left -= wanted
        return True

    def _remember(self, owner: str, left: int) -> None:
        self._uncounted.pop(owner, None)  # whoever was counted last is forgotten last
        if left:
            self._uncounted[owner] = _Uncounted(left, time.monotonic() + _UNCOUNTED_SECONDS)
            if len(self._uncounted) > _REMEMBERED:
                del self._uncounted[next(iter(self._uncounted))]
