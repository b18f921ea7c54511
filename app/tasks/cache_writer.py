"""The writing side of the cache: mark, write, clear; and what is owed to Redis when it does not answer.

A write is acknowledged only when no instance can answer a list from before it: because Redis did the
clearing, or because the user has been suspended (app/tasks/suspensions.py) for so long that all have seen it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from app.common import timing
from app.common.mongo import OPERATION_SECONDS
from app.common.problems import ProblemError, UnavailableError
from app.tasks import cache_scripts
from app.tasks.cache_connection import CacheDownError, Script
from app.tasks.cache_wire import SharedWire
from app.tasks.suspensions import SEEN_SECONDS, Suspensions
from app.tasks.unique import unique

logger = logging.getLogger(__name__)
T = TypeVar("T")

# What to do about a write that Redis missed: make it wait until nobody can answer an older list, or answer.
RedisAway = Literal["wait", "answer"]
# Longer than a write may take, with room for the way to Redis and back: at most 4 s, see the settings.
MARK_MS = int(OPERATION_SECONDS * 2 * 1000)
REPAIR_SECONDS = 0.5
_CLOSING_SECONDS = OPERATION_SECONDS + SEEN_SECONDS + 1
# Marks of more writers than this expire by themselves.
_CLEARED_AT_ONCE = 1000


def stale_seconds(ttl_seconds: float) -> float:
    """Return how long after a writer began an entry that does not know its write can exist."""
    return MARK_MS / 1000 + ttl_seconds


@dataclass
class _Debt:
    """What Redis has to be told about a user, and the writers that are still at work without a mark.

    `turn` counts what is added, so that a repair knows whether something came while it spoke to Redis.
    """

    at_work: set[str] = field(default_factory=set)
    to_clear: list[str] = field(default_factory=list)
    unknown: bool = False  # a write may still happen
    until: float = 0.0  # when all that could be stale has expired (monotonic seconds)
    turn: int = 0
    repair: asyncio.Task[None] | None = None


class CacheWriter:
    def __init__(
        self, wire: SharedWire, suspensions: Suspensions, ttl_seconds: float, redis_away: RedisAway
    ) -> None:
        self._wire = wire
        self._suspensions = suspensions
        self._stale_seconds = stale_seconds(ttl_seconds)
        self._suspends = redis_away == "wait"
        self._debts: dict[str, _Debt] = {}
        self._running: set[asyncio.Task[Any]] = set()

    def owes(self, user: str) -> bool:
        """Return whether Redis may hold lists that do not know a write of this process."""
        return user in self._debts

    async def write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        """Run a write to its end, invalidation included, even if the caller is cancelled."""
        task = self._start(self._write(user, operation))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Let running writes finish; repairs are given up, since the entries they are about expire."""
        repairs = {debt.repair for debt in self._debts.values() if debt.repair}
        if writes := self._running - repairs:
            await asyncio.wait(writes, timeout=_CLOSING_SECONDS)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        writer = unique()
        if not await self._mark(user, writer):
            await self._begin_without_mark(user, writer)
        try:
            result = await operation()
        except BaseException as error:
            if isinstance(error, ProblemError) and not isinstance(error, UnavailableError):
                await self._end(user, writer)  # refused: nothing will happen any more
            else:
                await self._end_unknown(user, writer)
            raise
        await self._end(user, writer)
        return result

    async def _begin_without_mark(self, user: str, writer: str) -> None:
        self._debts.setdefault(user, _Debt()).at_work.add(writer)
        if self._suspends:
            try:
                await self._suspensions.suspend(user)
            except BaseException:
                self._leave(user, writer)
                raise

    async def _end(self, user: str, writer: str) -> None:
        if await self._clear(user, [writer]):
            self._leave(user, writer)
            return
        self._owe(user, writer, unknown=False)
        if self._suspends:
            await self._suspensions.suspend(user)
            if self.owes(user):
                await self._suspensions.seen(user)
            else:  # told in the meantime
                await self._suspensions.lift(user)

    async def _end_unknown(self, user: str, writer: str) -> None:
        """Leave a mark, which outlives the write; without one a suspension."""
        if await self._mark(user, writer):
            self._leave(user, writer)
            return
        self._owe(user, writer, unknown=True)
        if self._suspends:
            with contextlib.suppress(UnavailableError):
                await self._suspensions.suspend(user)
                if not self.owes(user):
                    await self._suspensions.lift(user)

    def _owe(self, user: str, writer: str, *, unknown: bool) -> None:
        """Tell Redis as soon as it answers. Until then this process does not read the user's entries."""
        debt = self._debts.setdefault(user, _Debt())
        debt.at_work.discard(writer)
        debt.to_clear = [*debt.to_clear, writer][-_CLEARED_AT_ONCE:]
        debt.unknown = debt.unknown or unknown
        debt.until = time.monotonic() + self._stale_seconds
        debt.turn += 1
        if debt.repair is None:
            logger.warning("Redis missed a write; it is told when it answers")
            debt.repair = self._start(self._repair(user, debt))

    async def _repair(self, user: str, debt: _Debt) -> None:
        while time.monotonic() < debt.until:
            await asyncio.sleep(REPAIR_SECONDS)
            turn = debt.turn
            if await self._pay(user, debt) and debt.turn == turn:
                break
        debt.to_clear, debt.unknown, debt.repair = [], False, None
        self._settle(user, debt)

    async def _pay(self, user: str, debt: _Debt) -> bool:
        if debt.unknown:
            return await self._mark(user, unique())
        return await self._clear(user, debt.to_clear)

    def _leave(self, user: str, writer: str) -> None:
        if debt := self._debts.get(user):
            debt.at_work.discard(writer)
            self._settle(user, debt)

    def _settle(self, user: str, debt: _Debt) -> None:
        if not debt.at_work and debt.repair is None:
            del self._debts[user]
            self._start(self._suspensions.lift(user))

    async def _mark(self, user: str, writer: str) -> bool:
        return await self._told(cache_scripts.MARK, user, writer, MARK_MS)

    async def _clear(self, user: str, writers: list[str]) -> bool:
        return await self._told(cache_scripts.CLEAR, user, *writers)

    async def _told(self, script: Script, user: str, *args: str | int) -> bool:
        try:
            with timing.measured("cache"):
                await self._wire.script(script, cache_scripts.keys(user), *args)
        except CacheDownError:
            return False
        return True

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task
