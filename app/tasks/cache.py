"""Task lists in Redis, never older than the last acknowledged write. The reasoning is in docs/decisions.

A miss takes a *lease* before it reads MongoDB, and stores its list only if the lease still holds.
A writer leaves a *mark* before it writes, which drops the user's lists and every lease, and clears it
afterwards; the mark of a writer that died expires by itself, later than its write could still happen.
A writer whose outcome is unknown (MongoDB timed out) leaves its mark standing.
A writer that cannot reach Redis *suspends* the user, by way of MongoDB, before it answers.
An entry belongs to the *run* of Redis that it was stored in: no other run's is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import TypeVar

from pydantic import SecretStr

from app.common import timing
from app.tasks.cache_connection import WRITERS_PATIENCE, CacheDownError, RedisLink
from app.tasks.cache_reads import CacheReads, Lease
from app.tasks.cache_wire import SharedWire
from app.tasks.cache_writer import CacheWriter, RedisAway
from app.tasks.entry import Entry
from app.tasks.suspensions import Suspensions

T = TypeVar("T")


class Outcome(Enum):
    """Where a list came from. `line` is the header that says so."""

    HIT = b"HIT"
    MISS = b"MISS"
    BYPASS = b"BYPASS"

    def __init__(self, name: bytes) -> None:
        self.line = b"x-cache: %b\r\n" % name


Load = Callable[[], Awaitable[Entry]]
# What Redis said when it was asked for a list: an entry, that there is none, or nothing in time.
Looked = bytes | None | CacheDownError


class TaskListCache:
    def __init__(
        self, link: RedisLink, suspensions: Suspensions, ttl_seconds: float, redis_away: RedisAway
    ) -> None:
        self._link = link
        self._suspensions = suspensions
        self._ttl_ms = int(ttl_seconds * 1000)
        self._writers_wire = SharedWire(link, WRITERS_PATIENCE)
        self._writer = CacheWriter(self._writers_wire, suspensions, ttl_seconds, redis_away)
        self._reads = CacheReads(SharedWire(link))
        self._flights: dict[tuple[str, Lease], asyncio.Task[Entry]] = {}

    async def ping(self) -> None:
        """Raises CacheDownError."""
        wire = await self._reads.wire.open()
        await wire.ask("PING")

    def look(self, user: str, query: str, receive: Callable[[Looked], None]) -> bool:
        """Ask Redis, if that is what a reader should do now, and can without waiting for a connection.

        What is received may be a hit (`Entry.read`); for all else there is `read_on`.
        """
        wire = self._reads.wire.current
        # In this order: whom the breaker lets through to find out has to ask.
        if wire is None or not self._asks(user):
            return False
        self._reads.look(wire, user, query, receive)
        return True

    async def read(self, user: str, query: str, load: Load) -> tuple[Entry, Outcome]:
        """Answer from Redis, or `load` from MongoDB and store. Redis being away is never an error."""
        if not self._asks(user):
            return await load(), Outcome.BYPASS
        looked: Looked
        try:
            with timing.measured("cache"):
                looked = await self._reads.find(user, query)
        except CacheDownError as error:
            looked = error
        return await self.read_on(user, query, load, looked)

    async def read_on(self, user: str, query: str, load: Load, looked: Looked) -> tuple[Entry, Outcome]:
        """Read, Redis having been asked."""
        try:
            if isinstance(looked, CacheDownError):
                raise looked
            if (entry := Entry.read(looked)) is not None:
                return entry, Outcome.HIT
            with timing.measured("cache"):
                lease = await self._reads.lease(user, query, self._ttl_ms)
        except CacheDownError:
            return await load(), Outcome.BYPASS
        if lease is None:  # a writer is at work: what is read now may be old before it could be stored
            return await load(), Outcome.MISS
        return await self._load_once(user, lease, load), Outcome.MISS

    async def write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        """Run a write to its end, invalidation included, even if the caller is cancelled.

        Raises UnavailableError, the write having happened or not, when older lists cannot be ruled out.
        """
        return await self._writer.write(user, operation)

    async def close(self) -> None:
        await self._writer.close()
        for wire in (self._reads.wire, self._writers_wire):
            wire.close()

    def _asks(self, user: str) -> bool:
        """Return whether the user's lists in Redis may be read now, and Redis is worth asking."""
        return not self._writer.owes(user) and self._suspensions.trusts(user) and self._link.allows()

    async def _load_once(self, user: str, lease: Lease, load: Load) -> Entry:
        """One loader per lease: the same lease says that no write came between its load and whoever joins."""
        key = (user, lease)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._load_and_fill(user, lease, load))
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)

    async def _load_and_fill(self, user: str, lease: Lease, load: Load) -> Entry:
        entry = await load()
        with suppress(CacheDownError), timing.measured("cache"):
            await self._reads.fill(user, lease, entry.sent)
        return entry


@asynccontextmanager
async def connected(
    url: SecretStr,
    timeout_seconds: float,
    ttl_seconds: float,
    suspensions: Suspensions,
    redis_away: RedisAway = "wait",
) -> AsyncIterator[TaskListCache]:
    """Open the cache. Redis need not answer yet."""
    lists = TaskListCache(RedisLink(url, timeout_seconds), suspensions, ttl_seconds, redis_away)
    try:
        yield lists
    finally:
        await lists.close()
