"""What the writing side of the cache tells Redis, when, and what it owes when Redis does not listen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from app.common.mongo import OPERATION_SECONDS
from app.common.problems import UnavailableError
from app.tasks import cache_scripts, cache_writer
from app.tasks.cache_connection import CacheDownError, Script
from app.tasks.cache_writer import MARK_MS, CacheWriter, RedisAway, stale_seconds
from tests.api.caches import Board, come_true

pytestmark = pytest.mark.anyio
NAMES = {cache_scripts.MARK: "mark", cache_scripts.CLEAR: "clear"}
KEYS = ["tasks:{anna}:lists", "tasks:{anna}:version", "tasks:{anna}:writers"]


@dataclass
class Redis:
    """Listens, or is away, or does not hear one script; `on_told` runs before its answer comes."""

    away: bool = False
    does_not_hear: str = ""
    told: list[tuple[Any, ...]] = field(default_factory=list)
    on_told: Callable[[], Awaitable[None]] | None = None

    async def script(self, script: Script, keys: list[str], *args: str | int) -> None:
        assert keys == KEYS
        if self.away or NAMES[script] == self.does_not_hear:
            raise CacheDownError
        self.told.append((NAMES[script], *args))
        if self.on_told:
            await self.on_told()


@dataclass
class Clock:
    now: float = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cache_writer, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Redis:
    monkeypatch.setattr(cache_writer, "REPAIR_SECONDS", 0.001)
    return Redis()


def writer_of(redis: Any, board: Board, redis_away: RedisAway = "wait") -> CacheWriter:
    return CacheWriter(redis, board, 60, redis_away)


async def nothing() -> None:
    pass


async def time_out() -> None:
    raise TimeoutError


async def test_a_write_is_marked_before_and_cleared_after(redis: Redis, board: Board) -> None:
    told_before: list[tuple[Any, ...]] = []

    async def operation() -> str:
        told_before.extend(redis.told)
        return "result"

    assert await writer_of(redis, board).write("anna", operation) == "result"
    ((_, writer, milliseconds),) = told_before
    assert milliseconds == MARK_MS == 10_000
    assert redis.told == [("mark", writer, MARK_MS), ("clear", writer)]


async def test_an_unknown_outcome_is_marked_again_from_its_end(redis: Redis, board: Board) -> None:
    with pytest.raises(TimeoutError):
        await writer_of(redis, board).write("anna", time_out)
    first, second = redis.told
    assert first == second == ("mark", first[1], MARK_MS)


async def test_two_writes_have_two_marks(redis: Redis, board: Board) -> None:
    writer = writer_of(redis, board)
    for _ in range(2):
        await writer.write("anna", nothing)
    assert len({told[1] for told in redis.told}) == 2


async def test_an_unknown_outcome_that_began_without_a_mark_and_leaves_one_owes_nothing(
    redis: Redis, board: Board
) -> None:
    writer = writer_of(redis, board)
    redis.away = True

    async def operation() -> None:
        assert board.suspended == {"anna"}
        assert writer.owes("anna")
        redis.away = False
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await writer.write("anna", operation)
    assert [told[0] for told in redis.told] == ["mark"]
    assert not writer.owes("anna")
    await come_true(lambda: not board.suspended)


async def test_an_unknown_outcome_is_told_as_it_is_when_redis_and_mongodb_are_both_away(
    redis: Redis, board: Board
) -> None:
    async def operation() -> None:
        redis.away = board.away = True
        raise TimeoutError

    writer = writer_of(redis, board)
    with pytest.raises(TimeoutError):
        await writer.write("anna", operation)
    assert writer.owes("anna")
    await writer.close()


async def test_what_redis_missed_is_made_good_when_it_answers(
    redis: Redis, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    writer = writer_of(redis, board)
    redis.away = True
    await asyncio.gather(*(writer.write("anna", nothing) for _ in range(3)))
    assert writer.owes("anna")
    assert board.waits == 3
    assert caplog.messages == ["Redis missed a write; it is told when it answers"]
    redis.away = False
    await come_true(lambda: not writer.owes("anna"))
    ((name, *writers),) = redis.told
    assert (name, len(set(writers))) == ("clear", 3)
    await come_true(lambda: not board.suspended)


async def test_one_unknown_outcome_among_others_is_made_good_by_a_mark(redis: Redis, board: Board) -> None:
    writer = writer_of(redis, board)
    redis.away = True
    await writer.write("anna", nothing)
    with pytest.raises(TimeoutError):
        await writer.write("anna", time_out)
    await writer.write("anna", nothing)
    redis.away = False
    await come_true(lambda: not writer.owes("anna"))
    ((name, _, milliseconds),) = redis.told
    assert (name, milliseconds) == ("mark", MARK_MS)
    redis.away = True
    await writer.write("anna", nothing)
    redis.away = False
    await come_true(lambda: not writer.owes("anna"))
    assert redis.told[-1][0] == "clear"  # the unknown outcome is paid for, once


async def test_an_unknown_outcome_that_was_made_good_is_forgotten_while_others_are_at_work(
    redis: Redis, board: Board
) -> None:
    writer = writer_of(redis, board)
    at_work, may_end = asyncio.Event(), asyncio.Event()

    async def long_write() -> None:
        at_work.set()
        await may_end.wait()

    redis.away = True
    writing = asyncio.create_task(writer.write("anna", long_write))
    await at_work.wait()
    with pytest.raises(TimeoutError):
        await writer.write("anna", time_out)
    redis.away = False
    debt = writer._debts["anna"]
    await come_true(lambda: debt.repair is None)
    redis.away = True
    may_end.set()
    await writing
    redis.away = False
    await come_true(lambda: not writer.owes("anna"))
    assert [told[0] for told in redis.told] == ["mark", "clear"]


async def test_what_is_missed_while_a_repair_is_under_way_is_told_too(redis: Redis, board: Board) -> None:
    writer = writer_of(redis, board)
    redis.away = True
    await writer.write("anna", nothing)

    async def miss_another() -> None:
        redis.on_told = None
        redis.away = True
        await writer.write("anna", nothing)
        redis.away = False

    redis.on_told, redis.away = miss_another, False
    await come_true(lambda: not writer.owes("anna"))
    (_, first), (_, *both) = redis.told
    assert first in both
    assert len(both) == 2


async def test_only_so_many_marks_are_cleared_at_once(
    redis: Redis, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_writer._CLEARED_AT_ONCE == 1000  # what Lua's unpack() can take is not much more
    monkeypatch.setattr(cache_writer, "_CLEARED_AT_ONCE", 2)
    writer = writer_of(redis, board)
    redis.does_not_hear = "clear"
    for _ in range(3):
        await writer.write("anna", nothing)
    marked = [writer for _, writer, _ in redis.told]
    redis.does_not_hear = ""
    await come_true(lambda: not writer.owes("anna"))
    assert redis.told[3:] == [("clear", *marked[1:])]


async def test_a_debt_ends_when_nothing_older_than_the_write_can_exist(
    redis: Redis, board: Board, clock: Clock
) -> None:
    assert stale_seconds(60) == 70
    writer = writer_of(redis, board)
    redis.away = True
    await writer.write("anna", nothing)
    clock.now += 69.999
    await asyncio.sleep(0.05)
    assert writer.owes("anna")
    assert board.suspended
    clock.now += 0.001
    await come_true(lambda: not writer.owes("anna"))
    await come_true(lambda: not board.suspended)
    assert not redis.told


async def test_a_debt_lasts_as_long_as_its_last_write_needs(redis: Redis, board: Board, clock: Clock) -> None:
    writer = writer_of(redis, board)
    redis.away = True
    await writer.write("anna", nothing)
    clock.now += 50
    await writer.write("anna", nothing)
    clock.now += 50
    await asyncio.sleep(0.05)
    assert writer.owes("anna")
    await writer.close()


async def test_a_debt_stays_while_a_writer_is_at_work_without_a_mark(redis: Redis, board: Board) -> None:
    writer = writer_of(redis, board)
    at_work, may_end = asyncio.Event(), asyncio.Event()

    async def long_write() -> None:
        at_work.set()
        await may_end.wait()

    redis.away = True
    writing = asyncio.create_task(writer.write("anna", long_write))
    await at_work.wait()
    await writer.write("anna", nothing)
    redis.away = False
    await come_true(lambda: redis.told != [])  # the second is paid for
    await asyncio.sleep(0.05)
    assert writer.owes("anna")
    assert board.suspended
    may_end.set()
    await writing
    assert not writer.owes("anna")
    await come_true(lambda: not board.suspended)


async def test_a_write_that_redis_is_told_of_while_it_suspends_does_not_wait(redis: Redis) -> None:
    class SlowBoard(Board):
        async def suspend(self, user: str) -> None:
            redis.away = False
            await come_true(lambda: not writer.owes(user))
            await super().suspend(user)

    board = SlowBoard()
    writer = writer_of(redis, board)

    async def lose_redis() -> None:
        redis.away = True

    async def lose_redis_and_the_outcome() -> None:
        redis.away = True
        raise UnavailableError("MongoDB")

    await writer.write("anna", lose_redis)
    assert board.waits == 0
    assert not board.suspended
    with pytest.raises(UnavailableError):
        await writer.write("anna", lose_redis_and_the_outcome)
    assert not board.suspended


async def test_who_chose_to_answer_suspends_nobody(redis: Redis) -> None:
    board = Board(away=True)
    writer = writer_of(redis, board, "answer")
    redis.away = True
    await writer.write("anna", nothing)
    with pytest.raises(TimeoutError):
        await writer.write("anna", time_out)
    assert board.waits == 0
    await writer.close()


async def test_a_write_that_may_not_begin_leaves_nothing_behind(redis: Redis) -> None:
    writer = writer_of(redis, Board(away=True))
    redis.away = True
    with pytest.raises(UnavailableError):
        await writer.write("anna", nothing)
    assert not writer.owes("anna")


async def test_closing_lets_writes_end_and_gives_repairs_up(redis: Redis, board: Board) -> None:
    before = asyncio.all_tasks()
    writer = writer_of(redis, board)
    at_work, may_end = asyncio.Event(), asyncio.Event()

    async def long_write() -> str:
        at_work.set()
        await may_end.wait()
        return "done"

    redis.away = True
    await writer.write("anna", nothing)  # this one is owed
    writing = asyncio.create_task(writer.write("anna", long_write))
    await at_work.wait()
    closing = asyncio.create_task(writer.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    may_end.set()
    assert await writing == "done"
    await closing
    assert asyncio.all_tasks() == before


async def test_closing_does_not_wait_for_a_write_for_ever(
    redis: Redis, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_writer._CLOSING_SECONDS > OPERATION_SECONDS
    monkeypatch.setattr(cache_writer, "_CLOSING_SECONDS", 0.01)
    writer = writer_of(redis, board)
    writing = asyncio.create_task(writer.write("anna", asyncio.Event().wait))
    await come_true(lambda: redis.told != [])
    async with asyncio.timeout(30):
        await writer.close()
    with pytest.raises(asyncio.CancelledError):
        await writing
