"""What a reader gets when others read, leave or fail at the same time, or Redis does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis import Redis

from app.tasks.cache import Load, Looked, Outcome
from app.tasks.cache_connection import CacheDownError
from app.tasks.entry import Entry
from tests.api.caches import Board, Database, come_true, connections, instance, page
from tests.api.relay import relay
from tools.local_redis import LocalRedis

pytestmark = pytest.mark.anyio


async def test_readers_of_other_users_and_queries_at_the_same_time_get_their_own(
    server: LocalRedis, user: str
) -> None:
    readers = {(each, query): Database(number) for number, (each, query) in enumerate(
        [(user, ""), (user, "completed=true"), ("another" + user, ""), ("another" + user, "completed=true")]
    )}  # fmt: skip
    async with instance(server) as cache:
        reading = [
            asyncio.create_task(cache.read(*key, database.load_held_up)) for key, database in readers.items()
        ]
        for database in readers.values():
            async with asyncio.timeout(30):  # one who joined another would not read
                await database.reading.wait()
            database.go.set()
        assert [entry for entry, _ in await asyncio.gather(*reading)] == [page(0), page(1), page(2), page(3)]
        for key, database in readers.items():
            assert await cache.read(*key, Database(99).load) == (page(database.value), Outcome.HIT)


async def test_who_can_ask_redis_at_once_gets_what_it_has_and_reads_on_from_there(
    server: LocalRedis, user: str
) -> None:
    looked: asyncio.Queue[Looked] = asyncio.Queue()
    async with instance(server, board=(board := Board())) as cache:
        assert not cache.look(user, "", looked.put_nowait)  # there is no connection yet
        await cache.ping()
        assert cache.look(user, "", looked.put_nowait)
        nothing = await asyncio.wait_for(looked.get(), 30)
        assert nothing is None
        database = Database(7)
        assert await cache.read_on(user, "", database.load, nothing) == (page(7), Outcome.MISS)
        for query, found in (("", page(7).sent), ("completed=true", None)):
            assert cache.look(user, query, looked.put_nowait)
            assert await asyncio.wait_for(looked.get(), 30) == found
        assert await cache.read_on(user, "", database.load, page(7).sent) == (page(7), Outcome.HIT)
        away = CacheDownError()
        assert await cache.read_on(user, "", database.load, away) == (page(7), Outcome.BYPASS)
        board.suspended.add(user)
        assert not cache.look(user, "", looked.put_nowait)
        assert cache.look("another" + user, "", looked.put_nowait)


async def test_a_reader_that_goes_away_leaves_its_load_to_those_who_joined(
    server: LocalRedis, user: str
) -> None:
    async with instance(server) as cache:
        database, joined, join = Database(), [], cache._load_once

        async def count(user: str, lease: Any, load: Load) -> Entry:
            joined.append(user)
            return await join(user, lease, load)

        cache._load_once = count  # type: ignore[method-assign] # for this object
        first = asyncio.create_task(cache.read(user, "", database.load_held_up))
        await database.reading.wait()
        second = asyncio.create_task(cache.read(user, "", database.load_held_up))
        await come_true(lambda: len(joined) == 2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        database.go.set()
        assert await second == (page(0), Outcome.MISS)
        assert database.loads == 1


async def test_no_load_is_kept_when_it_has_ended_or_failed(server: LocalRedis, user: str) -> None:
    async def fail() -> Entry:
        raise RuntimeError("no database")

    async with instance(server) as cache:
        await cache.read(user, "", Database().load)
        with pytest.raises(RuntimeError):
            await cache.read(user, "another", fail)
        await come_true(lambda: cache._flights == {})  # nothing else shows it


async def test_a_list_is_answered_though_redis_went_away_before_it_could_be_stored(
    server: LocalRedis, user: str
) -> None:
    async with relay(server.port) as wire, instance(server, port=wire.port) as cache:
        database = Database()
        reader = asyncio.create_task(cache.read(user, "", database.load_held_up))
        await database.reading.wait()
        await wire.cut()
        database.go.set()
        assert await reader == (page(0), Outcome.MISS)


async def test_without_redis_lists_are_read_from_the_database_and_soon_nobody_asks(
    server: LocalRedis, user: str
) -> None:
    async with relay(server.port) as wire, instance(server, port=wire.port) as cache:
        cache._link._breaker._open_seconds = 3600  # a slow computer must not decide
        database = Database()
        await wire.cut()
        for _ in range(3):
            assert await cache.read(user, "", database.load) == (page(0), Outcome.BYPASS)
        await wire.mend()
        assert await cache.read(user, "", database.load) == (page(0), Outcome.BYPASS)
        await cache.ping()  # Redis has answered
        assert await cache.read(user, "", database.load) == (page(0), Outcome.MISS)
        assert await cache.read(user, "", database.load) == (page(0), Outcome.HIT)


async def test_a_list_lives_as_long_as_it_is_told_to(server: LocalRedis, user: str) -> None:
    async with instance(server, ttl_seconds=1000) as cache:
        await cache.read(user, "", Database().load)
    with Redis.from_url(server.url("admin")) as redis:
        for name in ("lists", "version"):
            assert 900_000 < redis.pttl(f"tasks:{{{user}}}:{name}") <= 1_000_000


async def test_closing_the_cache_waits_for_writes_and_closes_the_connections(
    server: LocalRedis, user: str
) -> None:
    await come_true(lambda: connections(server) == 0)  # those of other tests are gone
    at_work, may_end = asyncio.Event(), asyncio.Event()

    async def operation() -> None:
        at_work.set()
        await may_end.wait()

    async with instance(server) as cache:
        writing = asyncio.create_task(cache.write(user, operation))
        await at_work.wait()
        closing = asyncio.create_task(cache.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        may_end.set()
        await closing
        await writing
        await come_true(lambda: connections(server) == 0)
