"""Task lists in Redis, never older than the last acknowledged write. The reasoning is in docs/decisions.

A miss takes a *lease* before it reads MongoDB, and stores its list only if the lease still holds.
A writer leaves a *mark* before it writes, which drops the user's lists and every lease, and clears it
afterwards; the mark of a writer that died expires by itself, later than its write could still happen.
A writer whose outcome is unknown (MongoDB timed out) leaves its mark standing.

The one gap, chosen so that writes go on without Redis: a writer that Redis does not answer after its write,
and whose mark Redis never got or has lost, leaves other instances' entries as they are. It keeps trying, and
they live `ttl_seconds` at most.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self, TypeVar

from pydantic import SecretStr
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from app.common.mongo import OPERATION_SECONDS
from app.tasks import cache_scripts
from app.tasks.breaker import Breaker

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Longer than a write may take, with room for the way to Redis and back.
MARK_MS = int(OPERATION_SECONDS * 2 * 1000)
REPAIR_SECONDS = 0.5
_CONNECTIONS = 50
_MAX_ENTRY_BYTES = 1024 * 1024
_CLOSING_SECONDS = OPERATION_SECONDS + 1


class Outcome(Enum):
    HIT = "HIT"
    MISS = "MISS"
    BYPASS = "BYPASS"


@dataclass(frozen=True, slots=True)
class Entry:
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


class CacheDownError(Exception):
    """Redis did not do what it was asked, or not in time."""


class TaskListCache:
    def __init__(self, redis: Redis, timeout_seconds: float, ttl_seconds: float) -> None:
        self._redis = redis
        self._timeout = timeout_seconds
        self._ttl_seconds = ttl_seconds
        self._ttl_ms = int(ttl_seconds * 1000)
        self._lease = redis.register_script(cache_scripts.LEASE)
        # The pool does not decode answers, which the library's types cannot know.
        self._hget: Callable[[str, str], Awaitable[bytes | None]] = redis.hget  # type: ignore[assignment]
        self._fill = redis.register_script(cache_scripts.FILL)
        self._mark = redis.register_script(cache_scripts.MARK)
        self._clear = redis.register_script(cache_scripts.CLEAR)
        self._breaker = Breaker()
        self._flights: dict[tuple[str, str, bytes], asyncio.Task[Entry]] = {}
        self._writes: set[asyncio.Task[Any]] = set()
        self._repairs: dict[str, asyncio.Task[None]] = {}

    async def ping(self) -> None:
        await self._ask(self._redis.ping())

    async def read(self, user: str, query: str, load: Load) -> tuple[Entry, Outcome]:
        """Answer from Redis, or `load` from MongoDB and store. Redis being away is never an error."""
        if user in self._repairs or not self._breaker.allows():
            return await load(), Outcome.BYPASS
        lists, version, writers = _keys(user)
        try:
            stored: bytes | None = await self._ask(self._hget(lists, query))
            if stored is not None and (entry := Entry.decode(stored)):
                return entry, Outcome.HIT
            token = secrets.token_hex(8)
            lease = await self._ask(self._lease(keys=[version, writers], args=[token, self._ttl_ms]))
        except CacheDownError:
            return await load(), Outcome.BYPASS
        if lease is None:  # a writer is at work: what is read now may be old before it could be stored
            return await load(), Outcome.MISS
        return await self._load_once(user, query, lease, load), Outcome.MISS

    async def write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        """Run a write to its end, invalidation included, even if the caller is cancelled."""
        task = asyncio.create_task(self._write(user, operation))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Let running writes finish; repairs are given up, since the entries they are about expire."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=_CLOSING_SECONDS)
        for repair in list(self._repairs.values()):
            repair.cancel()
        await self._redis.aclose()

    async def _load_once(self, user: str, query: str, lease: bytes, load: Load) -> Entry:
        """One loader per lease: the same lease says that no write came between its load and whoever joins."""
        key = (user, query, lease)
        flight = self._flights.get(key)
        if flight is None:
            loading = self._load_and_fill(user, query, lease, load)
            flight = self._flights[key] = asyncio.create_task(loading)
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)

    async def _load_and_fill(self, user: str, query: str, lease: bytes, load: Load) -> Entry:
        entry = await load()
        lists, version, _ = _keys(user)
        encoded = entry.encode()
        if len(encoded) <= _MAX_ENTRY_BYTES:
            fill = self._fill(keys=[lists, version], args=[lease, query, encoded, self._ttl_ms])
            await self._succeeds(fill)
        return entry

    async def _write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        keys, writer = _keys(user), secrets.token_hex(8)
        await self._succeeds(self._mark(keys=keys, args=[writer, MARK_MS]))
        try:
            result = await operation()
        except BaseException:
            if not await self._succeeds(self._mark(keys=keys, args=[writer, MARK_MS])):
                self._repair_later(user)
            raise
        if not await self._succeeds(self._clear(keys=keys, args=[writer])):
            self._repair_later(user)  # even if the mark was left: Redis may have lost it since
        return result

    def _repair_later(self, user: str) -> None:
        """Invalidate as soon as Redis answers. Until then this process does not read the user's entries."""
        if user not in self._repairs:
            logger.warning("Redis missed a write: other instances may answer an old list for a while")
            repair = self._repairs[user] = asyncio.create_task(self._repair(user))
            repair.add_done_callback(lambda _: self._repairs.pop(user, None))

    async def _repair(self, user: str) -> None:
        loop = asyncio.get_running_loop()
        entries_gone = loop.time() + self._ttl_seconds
        while loop.time() < entries_gone:
            await asyncio.sleep(REPAIR_SECONDS)
            if await self._succeeds(self._clear(keys=_keys(user), args=[""])):
                return

    async def _succeeds(self, command: Awaitable[Any]) -> bool:
        try:
            await self._ask(command)
        except CacheDownError:
            return False
        return True

    async def _ask(self, command: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                answer = await command
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.failed(str(error) or "too slow")
            raise CacheDownError from error
        self._breaker.succeeded()
        return answer


def _keys(user: str) -> list[str]:
    return [f"tasks:{{{user}}}:{name}" for name in ("lists", "version", "writers")]


@asynccontextmanager
async def connected(
    url: SecretStr, timeout_seconds: float, ttl_seconds: float
) -> AsyncIterator[TaskListCache]:
    """Open the cache. Redis need not answer yet: connections are made when they are needed."""
    pool = BlockingConnectionPool.from_url(
        url.get_secret_value(),
        max_connections=_CONNECTIONS,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    lists = TaskListCache(Redis.from_pool(pool), timeout_seconds, ttl_seconds)
    try:
        yield lists
    finally:
        await lists.close()
