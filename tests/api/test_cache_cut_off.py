"""One writer cannot reach Redis while the others go on with it."""

from __future__ import annotations

import asyncio

import pytest

from app.common.problems import UnavailableError
from app.tasks import cache_writer
from app.tasks.cache import Outcome
from tests.api.caches import Board, Database, come_true, instance, page
from tests.api.relay import relay
from tools.local_redis import LocalRedis

pytestmark = pytest.mark.anyio


async def test_nobody_reads_the_old_list_after_a_write_that_redis_missed(
    server: LocalRedis, user: str
) -> None:
    board, database = Board(), Database()
    async with (
        relay(server.port) as wire,
        instance(server, board=board, port=wire.port) as writing,
        instance(server, board=board) as reading,
    ):
        for _ in range(2):
            before = await reading.read(user, "", database.load)
        assert before == (page(0), Outcome.HIT)
        await wire.cut()
        await writing.write(user, database.write(1))
        assert board.waits == 1
        for cache in (reading, writing):
            assert await cache.read(user, "", database.load) == (page(1), Outcome.BYPASS)
        await wire.mend()
        await come_true(lambda: not board.suspended)
        assert await reading.read(user, "", database.load) == (page(1), Outcome.MISS)
        assert await writing.read(user, "", database.load) == (page(1), Outcome.HIT)


async def test_a_writer_without_a_mark_suspends_before_it_writes(server: LocalRedis, user: str) -> None:
    board = Board()
    async with relay(server.port) as wire, instance(server, board=board, port=wire.port) as cache:
        await wire.cut()
        seen: list[bool] = []

        async def operation() -> None:
            seen.append(user in board.suspended)
            await wire.mend()

        await cache.write(user, operation)
        assert seen == [True]
        assert board.waits == 0  # Redis was back in time: nothing to wait for
        await come_true(lambda: not board.suspended)


async def test_a_writer_that_lost_redis_after_its_mark_suspends_before_it_answers(
    server: LocalRedis, user: str
) -> None:
    board = Board()
    async with relay(server.port) as wire, instance(server, board=board, port=wire.port) as cache:

        async def operation() -> None:
            assert not board.suspended
            await wire.cut()

        await cache.write(user, operation)
        assert board.suspended == {user}
        assert board.waits == 1


async def test_without_redis_and_mongodb_a_write_does_not_begin(server: LocalRedis, user: str) -> None:
    board, database = Board(away=True), Database()
    async with relay(server.port) as wire, instance(server, board=board, port=wire.port) as cache:
        await wire.cut()
        with pytest.raises(UnavailableError):
            await cache.write(user, database.write(1))
        assert database.value == 0
        await wire.mend()
        await cache.write(user, database.write(2))  # nothing is left of the first


async def test_a_write_that_loses_both_is_not_acknowledged(server: LocalRedis, user: str) -> None:
    board = Board()
    async with relay(server.port) as wire, instance(server, board=board, port=wire.port) as cache:

        async def operation() -> None:
            board.away = True
            await wire.cut()

        with pytest.raises(UnavailableError):
            await cache.write(user, operation)


async def test_a_suspension_stays_until_the_last_of_two_writes_is_made_good(
    server: LocalRedis, user: str
) -> None:
    board, first_at_work, first_may_end = Board(), asyncio.Event(), asyncio.Event()

    async def first() -> None:
        first_at_work.set()
        await first_may_end.wait()

    async with relay(server.port) as wire, instance(server, board=board, port=wire.port) as cache:
        await wire.cut()
        writing = asyncio.create_task(cache.write(user, first))
        await first_at_work.wait()
        await wire.mend()
        await cache.write(user, Database().write(1))  # this one reaches Redis
        assert board.suspended == {user}
        first_may_end.set()
        await writing
        await come_true(lambda: not board.suspended)


async def test_an_unknown_outcome_that_redis_missed_is_made_good_by_a_mark(
    server: LocalRedis, user: str
) -> None:
    board, database = Board(), Database()

    async def time_out() -> None:
        raise TimeoutError

    async with (
        relay(server.port) as wire,
        instance(server, board=board, port=wire.port) as writing,
        instance(server, board=board) as reading,
    ):
        await wire.cut()
        with pytest.raises(TimeoutError):
            await writing.write(user, time_out)
        assert board.suspended == {user}
        await wire.mend()
        await come_true(lambda: not board.suspended)
        for _ in range(2):  # the write may still happen: nothing is stored
            assert (await reading.read(user, "", database.load))[1] is Outcome.MISS


async def test_who_chose_to_answer_does_not_wait_and_is_made_good_later(
    server: LocalRedis, user: str
) -> None:
    board, database = Board(away=True), Database()
    async with (
        relay(server.port) as wire,
        instance(server, board=board, port=wire.port, redis_away="answer") as writing,
        instance(server, board=board) as reading,
    ):
        await reading.read(user, "", database.load)
        await wire.cut()
        await writing.write(user, database.write(1))
        assert await reading.read(user, "", database.load) == (page(0), Outcome.HIT)  # the price
        assert await writing.read(user, "", database.load) == (page(1), Outcome.BYPASS)
        await wire.mend()
        await come_true(lambda: not writing._writer.owes(user))  # nothing else shows it
        assert await reading.read(user, "", database.load) == (page(1), Outcome.MISS)


async def test_who_owes_redis_a_clearing_reads_none_of_the_users_entries_though_it_could(
    server: LocalRedis, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_writer, "REPAIR_SECONDS", 3600)
    database = Database()
    async with (
        relay(server.port) as wire,
        instance(server, port=wire.port, redis_away="answer") as cache,
    ):
        for expected in (Outcome.MISS, Outcome.HIT):
            assert await cache.read(user, "", database.load) == (page(0), expected)
        await wire.cut()
        await cache.write(user, database.write(1))
        await wire.mend()
        await cache.ping()  # it could
        assert await cache.read(user, "", database.load) == (page(1), Outcome.BYPASS)
