"""The interleavings that make usual caches answer old lists, each one constructed, none left to chance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from bson import ObjectId
from pydantic import SecretStr
from redis import Redis

from app.tasks.cache import MARK_MS, Entry, Outcome, TaskListCache, connected
from tools.local_stack import LocalStack

pytestmark = pytest.mark.anyio


def page(value: int) -> Entry:
    return Entry(value, f'"{value}"', "", b"[%d]" % value)


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


@asynccontextmanager
async def instance(stack: LocalStack, ttl_seconds: float = 60) -> AsyncIterator[TaskListCache]:
    url = stack.service_environment("tasks", 1)["TASKYARD_TASKS_REDIS_URL"]
    async with connected(SecretStr(url), timeout_seconds=5, ttl_seconds=ttl_seconds) as cache:
        yield cache


@pytest.fixture
def user() -> str:
    return str(ObjectId())


async def test_a_reader_overtaken_by_a_whole_write_does_not_store_what_it_read(
    stack: LocalStack, user: str
) -> None:
    async with instance(stack) as reading, instance(stack) as writing:
        database = Database()
        reader = asyncio.create_task(reading.read(user, "", database.load_held_up))
        await database.reading.wait()
        await writing.write(user, database.write(1))
        database.go.set()
        assert (await reader)[0].total == 0  # it began before the write: this is right for itself
        assert await reading.read(user, "", database.load) == (page(1), Outcome.MISS)
        assert await writing.read(user, "", database.load) == (page(1), Outcome.HIT)


async def test_a_reader_within_a_write_stores_nothing(stack: LocalStack, user: str) -> None:
    async with instance(stack) as reading, instance(stack) as writing:
        database = Database()

        async def operation() -> None:
            assert (await reading.read(user, "", database.load))[1] is Outcome.MISS
            database.value = 1

        await writing.write(user, operation)
        assert (await reading.read(user, "", database.load))[0].total == 1


async def test_a_lease_from_before_the_write_is_void_after_the_mark(stack: LocalStack, user: str) -> None:
    async with instance(stack) as reading, instance(stack) as writing:
        database = Database()
        reader = asyncio.create_task(reading.read(user, "", database.load_held_up))
        await database.reading.wait()

        async def operation() -> None:
            database.go.set()
            await reader  # tries to store while the mark stands
            database.value = 1

        await writing.write(user, operation)
        assert await reading.read(user, "", database.load) == (page(1), Outcome.MISS)


async def test_with_two_writers_the_first_to_end_does_not_let_readers_store(
    stack: LocalStack, user: str
) -> None:
    async with instance(stack) as first, instance(stack) as second, instance(stack) as reading:
        database = Database()

        async def long_write() -> None:
            await second.write(user, database.write(1))
            for _ in range(2):
                assert (await reading.read(user, "", database.load))[1] is Outcome.MISS
            database.value = 2

        await first.write(user, long_write)
        assert (await reading.read(user, "", database.load))[0].total == 2
        assert (await reading.read(user, "", database.load))[1] is Outcome.HIT


async def test_a_lost_lease_is_not_stored(stack: LocalStack, redis: Redis, user: str) -> None:
    async with instance(stack) as cache:
        database = Database()
        reader = asyncio.create_task(cache.read(user, "", database.load_held_up))
        await database.reading.wait()
        redis.flushall()
        database.value = 1
        database.go.set()
        await reader
        assert (await cache.read(user, "", database.load))[0].total == 1


async def test_a_lost_lease_made_anew_by_another_reader_is_another_lease(
    stack: LocalStack, redis: Redis, user: str
) -> None:
    async with instance(stack) as slow, instance(stack) as quick:
        database = Database()
        reader = asyncio.create_task(slow.read(user, "", database.load_held_up))
        await database.reading.wait()
        redis.flushall()
        database.value = 1
        assert (await quick.read(user, "", database.load))[0].total == 1
        database.go.set()
        await reader
        assert await quick.read(user, "", database.load) == (page(1), Outcome.HIT)


async def test_many_misses_at_once_read_the_database_once(stack: LocalStack, user: str) -> None:
    async with instance(stack) as cache:
        database = Database()
        readers = [asyncio.create_task(cache.read(user, "", database.load_held_up)) for _ in range(20)]
        await database.reading.wait()
        await asyncio.sleep(0.2)  # let the others arrive; one that does not would hit, or fail the count
        database.go.set()
        answers = await asyncio.gather(*readers)
        assert {entry.total for entry, _ in answers} == {0}
        assert database.loads == 1


async def test_nobody_joins_a_load_that_began_before_a_write(stack: LocalStack, user: str) -> None:
    async with instance(stack) as cache:
        database = Database()
        early = asyncio.create_task(cache.read(user, "", database.load_held_up))
        await database.reading.wait()
        await cache.write(user, database.write(1))
        async with asyncio.timeout(30):  # one who joined would wait for ever
            late = await cache.read(user, "", database.load)
        assert late[0].total == 1
        database.go.set()
        assert (await early)[0].total == 0


async def test_a_failed_load_is_not_kept(stack: LocalStack, user: str) -> None:
    async with instance(stack) as cache:

        async def fail() -> Entry:
            raise RuntimeError("no database")

        for _ in range(2):
            with pytest.raises(RuntimeError):
                await cache.read(user, "", fail)
        assert (await cache.read(user, "", Database().load))[1] is Outcome.MISS


async def test_a_writer_that_died_at_work_keeps_lists_out_until_its_mark_ends(
    stack: LocalStack, redis: Redis, user: str
) -> None:
    async with instance(stack) as dead, instance(stack) as alive:
        database = Database()
        await alive.read(user, "", database.load)

        async def die() -> None:
            raise SystemExit  # what happens after this line does not matter: the clearing is taken away below

        dead._clear = dead._mark  # noqa: SLF001 - a dead writer clears nothing
        with pytest.raises(SystemExit):
            await dead._write(user, die)  # noqa: SLF001
        for _ in range(2):
            assert (await alive.read(user, "", database.load))[1] is Outcome.MISS
        writers = f"tasks:{{{user}}}:writers"
        assert 0 < redis.pttl(writers) <= MARK_MS
        (mark,) = redis.zrange(writers, 0, -1)
        redis.zadd(writers, {mark: 1})  # type: ignore[type-var] # redis-py's types know no bytes  # its time is up
        assert (await alive.read(user, "", database.load))[1] is Outcome.MISS
        assert (await alive.read(user, "", database.load))[1] is Outcome.HIT


async def test_a_write_with_an_unknown_outcome_leaves_its_mark(
    stack: LocalStack, redis: Redis, user: str
) -> None:
    async with instance(stack) as cache:
        database = Database()

        async def time_out() -> None:
            raise TimeoutError

        with pytest.raises(TimeoutError):
            await cache.write(user, time_out)
        assert redis.zcard(f"tasks:{{{user}}}:writers") == 1
        for _ in range(2):
            assert (await cache.read(user, "", database.load))[1] is Outcome.MISS


async def test_a_caller_that_goes_away_does_not_stop_its_write(
    stack: LocalStack, redis: Redis, user: str
) -> None:
    async with instance(stack) as cache:
        database, at_work = Database(), asyncio.Event()

        async def operation() -> None:
            at_work.set()
            await database.go.wait()
            database.value = 1

        caller = asyncio.create_task(cache.write(user, operation))
        await at_work.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert redis.zcard(f"tasks:{{{user}}}:writers") == 1
        database.go.set()
    assert database.value == 1  # closing the cache waited for it
    assert redis.zcard(f"tasks:{{{user}}}:writers") == 0


async def test_later_lists_do_not_lengthen_the_life_of_earlier_ones(
    stack: LocalStack, redis: Redis, user: str
) -> None:
    lists = f"tasks:{{{user}}}:lists"
    async with instance(stack) as cache:
        await cache.read(user, "", Database().load)
        redis.pexpire(lists, 30_000)
        await cache.read(user, "completed=true", Database().load)
        assert redis.hlen(lists) == 2
        assert redis.pttl(lists) <= 30_000


async def test_a_list_above_a_mebibyte_is_answered_but_not_kept(stack: LocalStack, user: str) -> None:
    async def load() -> Entry:
        return Entry(1, '"tag"', "", b"x" * 1024 * 1024)

    async with instance(stack) as cache:
        assert [(await cache.read(user, "", load))[1] for _ in range(2)] == [Outcome.MISS, Outcome.MISS]
