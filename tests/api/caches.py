"""The cache without the rest of the service: lists in memory, suspensions on a board in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from app.common.problems import UnavailableError
from app.tasks.cache import TaskListCache, connected
from app.tasks.cache_writer import RedisAway
from app.tasks.entry import Entry
from tools.local_redis import LocalRedis, redis_server
from tools.local_stack import free_ports
from tools.servers import find


def page(value: int) -> Entry:
    return Entry.of(value, b'"%d"' % value, b"<x>", b"[%d]" % value)


@dataclass
class Database:
    """A list that can be held up: `reading` is set when a reader has read, `go` lets it have what it read."""

    value: int = 0
    loads: int = 0
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self) -> Entry:
        self.loads += 1
        return page(self.value)

    async def load_held_up(self) -> Entry:
        entry = await self.load()
        self.reading.set()
        await self.go.wait()
        return entry

    def write(self, value: int) -> Callable[[], Awaitable[None]]:
        async def operation() -> None:
            self.value = value

        return operation


def connections(server: LocalRedis) -> int:
    """Count those that Redis has, without the one that asks."""
    with Redis.from_url(server.url("admin")) as admin:
        return len(admin.client_list(_type="normal")) - 1


async def come_true(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nobody could set an event
            await asyncio.sleep(0.02)


@contextmanager
def redis_alone(folder: Path, *options: str) -> Iterator[LocalRedis]:
    """Only Redis, for tests of nothing but the cache."""
    (port,) = free_ports(1)
    passwords = {f"redis_{user}": f"{user}-password" for user in ("admin", "auth", "tasks")}
    server = redis_server(find().redis, folder, port, passwords, *options)
    try:
        start(server)
        yield server
    finally:
        server.process.stop()


def start(server: LocalRedis) -> None:
    """Start it, and return when it answers."""
    server.process.start()
    retries = Retry(ConstantBackoff(0.02), 1000)
    with Redis.from_url(server.url("admin"), retry=retries) as admin:
        assert admin.ping()


@dataclass
class Board:
    """Suspensions that every instance sees at once."""

    suspended: set[str] = field(default_factory=set)
    away: bool = False  # as MongoDB may be
    waits: int = 0

    def trusts(self, user: str) -> bool:
        return user not in self.suspended

    async def suspend(self, user: str) -> None:
        if self.away:
            raise UnavailableError("MongoDB")
        self.suspended.add(user)

    async def seen(self, user: str) -> None:
        assert user in self.suspended
        self.waits += 1

    async def lift(self, user: str) -> None:
        self.suspended.discard(user)


@asynccontextmanager
async def instance(
    server: LocalRedis,
    ttl_seconds: float = 60,
    *,
    board: Board | None = None,
    port: int | None = None,
    timeout_seconds: float = 5,
    redis_away: RedisAway = "wait",
) -> AsyncIterator[TaskListCache]:
    url = SecretStr(server.url("tasks", port))
    async with connected(url, timeout_seconds, ttl_seconds, board or Board(), redis_away) as cache:
        yield cache
