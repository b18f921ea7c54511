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
from typing import NamedTuple, Self, TypeVar

from pydantic import SecretStr

from app.common import timing
from app.tasks.cache_connection import CacheDownError, RedisLink
from app.tasks.cache_reads import CacheReads, Lease
from app.tasks.cache_writer import CacheWriter, RedisAway
from app.tasks.suspensions import Suspensions

T = TypeVar("T")


class Outcome(Enum):
    HIT = "HIT"
    MISS = "MISS"
    BYPASS = "BYPASS"


class Entry(NamedTuple):
    """A page of a list as it is sent: the JSON array, and what its headers say.

    `total` counts the tasks that the query finds on all pages; `etag` is the quoted entity tag (RFC 9110);
    `next_cursor` is where the next page begins, "" on the last one. Tag and cursor have no spaces.
    """

    total: int
    etag: str
    next_cursor: str
    body: bytes

    def encode(self) -> bytes:
        return f"{self.total} {self.etag} {self.next_cursor}\n".encode() + self.body

    @classmethod
    def decode(cls, stored: bytes) -> Self | None:
        """Return nothing for what no `encode` has made, such as another release's entry."""
        head, _, body = stored.partition(b"\n")
        parts = head.decode("ascii", "replace").split(" ")
        if len(parts) != 3 or not parts[0].isdigit():  # noqa: PLR2004 - total, etag, cursor
            return None
        return cls(int(parts[0]), parts[1], parts[2], body)


Load = Callable[[], Awaitable[Entry]]


class TaskListCache:
    def __init__(
        self, link: RedisLink, suspensions: Suspensions, ttl_seconds: float, redis_away: RedisAway
    ) -> None:
        self._link = link
        self._suspensions = suspensions
        self._ttl_ms = int(ttl_seconds * 1000)
        self._writer = CacheWriter(link, suspensions, ttl_seconds, redis_away)
        self._reads = CacheReads(link)
        self._flights: dict[tuple[str, Lease], asyncio.Task[Entry]] = {}

    async def ping(self) -> None:
        await self._link.talk(lambda session: session.command("PING"))

    async def read(self, user: str, query: str, load: Load) -> tuple[Entry, Outcome]:
        """Answer from Redis, or `load` from MongoDB and store. Redis being away is never an error."""
        if self._writer.owes(user) or not self._suspensions.trusts(user) or not self._link.allows():
            return await load(), Outcome.BYPASS
        try:
            with timing.measured("cache"):
                stored = await self._reads.find(user, query)
            if stored is not None and (entry := Entry.decode(stored)):
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
        self._reads.close()
        await self._link.close()

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
            await self._reads.fill(user, lease, entry.encode())
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
