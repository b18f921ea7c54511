"""The interleavings that make usual caches answer old lists, each one constructed, none left to chance."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from redis import Redis

from app.common.problems import ProblemError
from app.tasks.cache import Outcome
from app.tasks.cache_reads import MAX_ENTRY_BYTES, MAX_LISTS
from app.tasks.cache_writer import MARK_MS
from app.tasks.entry import Entry
from tests.api.caches import Database, instance, page
from tools.local_redis import LocalRedis

pytestmark = pytest.mark.anyio


@pytest.fixture
def redis(server: LocalRedis) -> Iterator[Redis]:
    with Redis.from_url(server.url("admin")) as opened:
        yield opened


async def test_a_reader_overtaken_by_a_whole_write_does_not_store_what_it_read(
    server: LocalRedis, user: str
) -> None:
    async with instance(server) as reading, instance(server) as writing:
        database = Database()
        reader = asyncio.create_task(reading.read(user, "", database.load_held_up))
        await database.reading.wait()
        await writing.write(user, database.write(1))
        database.go.set()
        assert (await reader)[0] == page(0)  # it began before the write: this is right for itself
        assert await reading.read(user, "", database.load) == (page(1), Outcome.MISS)
        assert await writing.read(user, "", database.load) == (page(1), Outcome.HIT)


async def test_a_reader_within_a_write_stores_nothing(server: LocalRedis, user: str) -> None:
    async with instance(server) as reading, instance(server) as writing:
        database = Database()

        async def operation() -> None:
            assert (await reading.read(user, "", database.load))[1] is Outcome.MISS
            database.value = 1

        await writing.write(user, operation)
        assert (await reading.read(user, "", database.load))[0] == page(1)


async def test_a_lease_from_before_the_write_is_void_after_the_mark(server: LocalRedis, user: str) -> None:
    async with instance(server) as reading, instance(server) as writing:
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
    server: LocalRedis, user: str
) -> None:
    async with instance(server) as first, instance(server) as second, instance(server) as reading:
        database = Database()

        async def long_write() -> None:
            await second.write(user, database.write(1))
            for _ in range(2):
                assert (await reading.read(user, "", database.load))[1] is Outcome.MISS
            database.value = 2

        await first.write(user, long_write)
        assert (await reading.read(user, "", database.load))[0] == page(2)
        assert (await reading.read(user, "", database.load))[1] is Outcome.HIT


async def test_a_lost_lease_is_not_stored(server: LocalRedis, redis: Redis, user: str) -> None:
    async with instance(server) as cache:
        database = Database()
        reader = asyncio.create_task(cache.read(user, "", database.load_held_up))
        await database.reading.wait()
        redis.flushall()
        database.value = 1
        database.go.set()
        await reader
        assert (await cache.read(user, "", database.load))[0] == page(1)


async def test_a_lost_lease_made_anew_by_another_reader_is_another_lease(
    server: LocalRedis, redis: Redis, user: str
) -> None:
    async with instance(server) as slow, instance(server) as quick:
        database = Database()
        reader = asyncio.create_task(slow.read(user, "", database.load_held_up))
        await database.reading.wait()
        redis.flushall()
        database.value = 1
        assert (await quick.read(user, "", database.load))[0] == page(1)
        database.go.set()
        await reader
        assert await quick.read(user, "", database.load) == (page(1), Outcome.HIT)


async def test_many_misses_at_once_read_the_database_once(server: LocalRedis, user: str) -> None:
    async with instance(server) as cache:
        database = Database()
        readers = [asyncio.create_task(cache.read(user, "", database.load_held_up)) for _ in range(20)]
        await database.reading.wait()
        await asyncio.sleep(0.2)  # let the others arrive; one that does not would hit, or fail the count
        database.go.set()
        answers = await asyncio.gather(*readers)
        assert {entry for entry, _ in answers} == {page(0)}
        assert database.loads == 1


async def test_nobody_joins_a_load_that_began_before_a_write(server: LocalRedis, user: str) -> None:
    async with instance(server) as cache:
        database = Database()
        early = asyncio.create_task(cache.read(user, "", database.load_held_up))
        await database.reading.wait()
        await cache.write(user, database.write(1))
        async with asyncio.timeout(30):  # one who joined would wait for ever
            late = await cache.read(user, "", database.load)
        assert late[0] == page(1)
        database.go.set()
        assert (await early)[0] == page(0)


async def test_nobody_joins_a_load_while_a_writer_is_at_work(server: LocalRedis, user: str) -> None:
    async with instance(server) as cache, instance(server) as first, instance(server) as second:
        database = Database()

        async def long_write() -> None:
            early = asyncio.create_task(cache.read(user, "", database.load_held_up))
            await database.reading.wait()
            await second.write(user, database.write(1))
            async with asyncio.timeout(30):  # one who joined would wait for ever
                assert await cache.read(user, "", database.load) == (page(1), Outcome.MISS)
            database.go.set()
            assert (await early)[0] == page(0)

        await first.write(user, long_write)


async def test_a_failed_load_is_not_kept(server: LocalRedis, user: str) -> None:
    async with instance(server) as cache:

        async def fail() -> Entry:
            raise RuntimeError("no database")

        for _ in range(2):
            with pytest.raises(RuntimeError):
                await cache.read(user, "", fail)
        assert (await cache.read(user, "", Database().load))[1] is Outcome.MISS


async def test_a_writer_that_died_at_work_keeps_lists_out_until_its_mark_ends(
    server: LocalRedis, redis: Redis, user: str
) -> None:
    async with instance(server) as alive:
        database = Database()
        await alive.read(user, "", database.load)
        with pytest.raises(SystemExit):
            await mark_and_die(server, user)
        for _ in range(2):
            assert (await alive.read(user, "", database.load))[1] is Outcome.MISS
        writers = f"tasks:{{{user}}}:writers"
        assert 0 < redis.pttl(writers) <= MARK_MS
        (mark,) = redis.zrange(writers, 0, -1)
        redis.zadd(writers, {mark: 1})  # type: ignore[type-var] # redis-py's types know no bytes  # its time is up
        assert (await alive.read(user, "", database.load))[1] is Outcome.MISS
        assert (await alive.read(user, "", database.load))[1] is Outcome.HIT


async def mark_and_die(server: LocalRedis, user: str) -> None:
    """Leave what a process leaves that ends within its write. (test_dying_writer.py kills real ones.)"""
    async with instance(server) as dead:

        async def die() -> None:
            raise SystemExit

        await dead._writer._write(user, die)  # in this task, which may end so


async def test_a_write_with_an_unknown_outcome_leaves_its_mark(
    server: LocalRedis, redis: Redis, user: str
) -> None:
    async with instance(server) as cache:
        database = Database()

        async def time_out() -> None:
            raise TimeoutError

        with pytest.raises(TimeoutError):
            await cache.write(user, time_out)
        assert redis.zcard(f"tasks:{{{user}}}:writers") == 1
        for _ in range(2):
            assert (await cache.read(user, "", database.load))[1] is Outcome.MISS


async def test_a_caller_that_goes_away_does_not_stop_its_write(
    server: LocalRedis, redis: Redis, user: str
) -> None:
    async with instance(server) as cache:
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


async def test_a_refused_write_has_a_known_outcome(server: LocalRedis, redis: Redis, user: str) -> None:
    async with instance(server) as cache:

        async def refuse() -> None:
            raise ProblemError(412, "somebody else was quicker")

        with pytest.raises(ProblemError):
            await cache.write(user, refuse)
        assert redis.zcard(f"tasks:{{{user}}}:writers") == 0


async def test_a_write_drops_the_lists_of_every_query(server: LocalRedis, redis: Redis, user: str) -> None:
    queries = ["", "completed=true", "cursor=abc&limit=10"]
    async with instance(server) as reading, instance(server) as writing:
        database = Database()
        for query in queries:
            await reading.read(user, query, database.load)
            assert (await reading.read(user, query, database.load))[1] is Outcome.HIT
        await writing.write(user, database.write(1))
        for query in queries:
            assert await reading.read(user, query, database.load) == (page(1), Outcome.MISS)


async def test_lists_end_with_the_lease_that_they_were_read_under(
    server: LocalRedis, redis: Redis, user: str
) -> None:
    lists, version = f"tasks:{{{user}}}:lists", f"tasks:{{{user}}}:version"
    async with instance(server) as cache:
        await cache.read(user, "", Database().load)
        assert redis.pexpiretime(lists) == redis.pexpiretime(version)
        redis.pexpire(version, 30_000)
        await cache.read(user, "completed=true", Database().load)
        assert redis.hlen(lists) == 2
        assert redis.pexpiretime(lists) == redis.pexpiretime(version)


async def test_lists_whose_lease_redis_has_evicted_do_not_get_the_life_of_the_next(
    server: LocalRedis, redis: Redis, user: str
) -> None:
    async with instance(server) as cache:
        await cache.read(user, "", Database().load)
        redis.delete(f"tasks:{{{user}}}:version")
        assert (await cache.read(user, "", Database().load))[1] is Outcome.HIT
        await cache.read(user, "completed=true", Database().load)
        assert redis.hlen(f"tasks:{{{user}}}:lists") == 1
        assert (await cache.read(user, "", Database().load))[1] is Outcome.MISS


async def test_a_user_has_so_many_lists_and_no_more(server: LocalRedis, redis: Redis, user: str) -> None:
    async with instance(server) as cache:
        for number in range(MAX_LISTS + 2):
            await cache.read(user, f"limit={number}", Database().load)
        assert redis.hlen(f"tasks:{{{user}}}:lists") == MAX_LISTS
        assert (await cache.read(user, f"limit={MAX_LISTS}", Database().load))[1] is Outcome.MISS
        assert (await cache.read(user, "limit=0", Database().load))[1] is Outcome.HIT


@pytest.mark.parametrize(("more", "second"), [(0, Outcome.HIT), (1, Outcome.MISS)])
async def test_a_list_above_the_limit_is_answered_but_not_kept(
    server: LocalRedis, user: str, more: int, second: Outcome
) -> None:
    async def load() -> Entry:
        return Entry(b"etag: ".ljust(MAX_ENTRY_BYTES + more, b"x"))

    async with instance(server) as cache:
        assert [(await cache.read(user, "", load))[1] for _ in range(2)] == [Outcome.MISS, second]
