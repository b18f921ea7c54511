"""The task service with the usual cache: read, else load and store; delete after the write. To be caught.

python -m tests.history.naive_cache

Nothing slows it down, and a write drops all that is stored of its user, whatever the query. What is wrong
with it is the race alone: who read before a write may store after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.common.server import main
from app.tasks import cache
from app.tasks.application import create_app
from app.tasks.cache import Load, Outcome, TaskListCache
from app.tasks.cache_connection import RedisLink
from app.tasks.cache_writer import RedisAway
from app.tasks.entry import Entry
from app.tasks.settings import TaskSettings
from app.tasks.suspensions import Suspensions

T = TypeVar("T")
TTL_SECONDS = 60


class NaiveCache(TaskListCache):
    def __init__(self, redis: Redis, url: SecretStr, suspensions: Suspensions) -> None:
        super().__init__(RedisLink(url, 1), suspensions, TTL_SECONDS, "answer")
        self._redis = redis

    def look(self, user: str, query: str, receive: object) -> bool:
        return False

    async def read(self, user: str, query: str, load: Load) -> tuple[Entry, Outcome]:
        key = _lists(user)
        try:
            stored = await self._redis.hget(key, query)
            if isinstance(stored, bytes) and (entry := Entry.read(stored)):
                return entry, Outcome.HIT
            entry = await load()
            await self._redis.hset(key, query, entry.sent)
            await self._redis.pexpire(key, TTL_SECONDS * 1000)
        except RedisError:
            return await load(), Outcome.BYPASS
        return entry, Outcome.MISS

    async def write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        result = await operation()
        await self._redis.delete(_lists(user))
        return result


def _lists(user: str) -> str:
    """A hash of all lists of a user, by query: one DEL drops every filter and page."""
    return f"tasks:{{{user}}}:lists"


@asynccontextmanager
async def connected(
    url: SecretStr,
    timeout_seconds: float,
    ttl_seconds: float,
    suspensions: Suspensions,
    redis_away: RedisAway = "wait",
) -> AsyncIterator[TaskListCache]:
    async with Redis.from_url(url.get_secret_value(), driver_info=None) as redis:
        yield NaiveCache(redis, url, suspensions)


if __name__ == "__main__":
    cache.connected = connected
    main("tasks", TaskSettings, create_app)
