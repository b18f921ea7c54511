"""How many tasks a person may have, also when many requests make some at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.common.problems import ProblemError


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


class Quota:
    """Exact within a process. Other processes see what is stored: each of them may use the room once more."""

    def __init__(self, limit: int, count: Callable[[str], Awaitable[int]]) -> None:
        self.limit = limit
        self._count = count
        self._owners: dict[str, _Owner] = {}

    @asynccontextmanager
    async def room(self, owner: str, wanted: int) -> AsyncIterator[None]:
        """Hold room for the tasks that are stored inside. Raises QuotaError."""
        state = self._owners.setdefault(owner, _Owner())
        state.requests += 1
        try:
            await self._reserve(owner, state, wanted)
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

    async def _reserve(self, owner: str, state: _Owner, wanted: int) -> None:
        while True:
            finished, before = state.finished, state.in_flight - state.reserved
            stored = await self._count(owner)
            if stored + wanted > self.limit:
                raise QuotaError(self.limit)
            # What was under way when the count began, or has begun since, may be in it or not.
            if stored + before + state.reserved + wanted <= self.limit:
                state.reserved += wanted
                state.in_flight += wanted
                return
            await finished.wait()
