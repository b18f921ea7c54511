"""The picture before the split: both services in one process, and every list is read from MongoDB.

python -m tests.bench.monolith
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import SecretStr

from app.common.server import main
from app.monolith import MonolithSettings, create_app
from app.tasks import cache
from app.tasks.cache import Entry, Load, Outcome, TaskListCache
from app.tasks.cache_connection import RedisLink
from app.tasks.cache_writer import RedisAway
from app.tasks.suspensions import Suspensions

T = TypeVar("T")


class NoCache(TaskListCache):
    def look(self, user: str, query: str, receive: object) -> bool:
        return False

    async def read(self, user: str, query: str, load: Load) -> tuple[Entry, Outcome]:
        return await load(), Outcome.BYPASS

    async def write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        return await operation()


@asynccontextmanager
async def connected(
    url: SecretStr,
    timeout_seconds: float,
    ttl_seconds: float,
    suspensions: Suspensions,
    redis_away: RedisAway = "wait",
) -> AsyncIterator[TaskListCache]:
    lists = NoCache(RedisLink(url, timeout_seconds), suspensions, ttl_seconds, redis_away)
    try:
        yield lists
    finally:
        await lists.close()


if __name__ == "__main__":
    cache.connected = connected
    main("monolith", MonolithSettings, create_app)
