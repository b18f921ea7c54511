"""The side channel by which a writer without Redis tells every instance not to read a user's entries."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import motor.frameworks.asyncio
import pymongo
import pytest
from pydantic import SecretStr

from app.common import mongo
from app.common.problems import UnavailableError
from app.tasks import suspensions
from app.tasks.suspensions import SEEN_SECONDS, TRUST_SECONDS, MongoSuspensions
from tools.local_mongod import Mongod

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(mongodb: Mongod) -> AsyncIterator[mongo.Database]:
    async with mongo.database(SecretStr(mongodb.uri("tasks"))) as opened:
        yield opened


async def looked(database: mongo.Database) -> MongoSuspensions:
    other = MongoSuspensions(database, 60)
    await other.look()
    return other


async def test_every_instance_obeys_from_its_next_look_on(database: mongo.Database, user: str) -> None:
    writing, reading = MongoSuspensions(database, 60), await looked(database)
    assert reading.trusts(user)
    await writing.suspend(user)
    await reading.look()
    assert not reading.trusts(user)
    assert reading.trusts("somebody else")
    await writing.lift(user)
    await reading.look()
    assert reading.trusts(user)


async def test_who_has_not_looked_lately_trusts_nothing(database: mongo.Database, user: str) -> None:
    assert not MongoSuspensions(database, 60).trusts(user)
    reading = await looked(database)
    reading._looked -= TRUST_SECONDS  # as after a freeze
    assert not reading.trusts(user)
    await reading.look()
    assert reading.trusts(user)


async def test_a_suspension_ends_by_itself(database: mongo.Database, user: str) -> None:
    await MongoSuspensions(database, 0.3).suspend(user)
    reading = await looked(database)
    async with asyncio.timeout(30):
        while not reading.trusts(user):
            await reading.look()


async def test_it_is_seen_a_while_after_it_was_stored_and_a_renewed_one_at_once(
    database: mongo.Database, user: str
) -> None:
    writing = MongoSuspensions(database, 60)
    await writing.suspend(user)
    stored = time.monotonic()
    await asyncio.sleep(0.1)
    await writing.suspend(user)
    await writing.seen(user)
    assert time.monotonic() - stored >= SEEN_SECONDS - 0.01
    since = writing._own[user].since  # nothing else shows that nobody waits again
    await writing.suspend(user)
    assert writing._own[user].since == since
    await writing.lift(user)


async def test_one_that_had_ended_before_it_was_renewed_has_to_be_seen_again(
    database: mongo.Database, user: str
) -> None:
    writing = MongoSuspensions(database, 0.01)
    await writing.suspend(user)
    since = writing._own[user].since
    await asyncio.sleep(0.05)
    await writing.suspend(user)
    assert writing._own[user].since > since


async def test_who_waits_goes_on_when_it_is_lifted(database: mongo.Database, user: str) -> None:
    writing = MongoSuspensions(database, 60)
    await writing.suspend(user)
    writing._own[user] = suspensions._Own(time.monotonic() + 3600, time.monotonic() + 7200, 1)
    waiting = asyncio.create_task(writing.seen(user))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await writing.lift(user)
    async with asyncio.timeout(30):
        await waiting


async def test_lifting_does_not_take_what_was_suspended_in_the_meantime(
    database: mongo.Database, user: str
) -> None:
    writing, reading = MongoSuspensions(database, 60), MongoSuspensions(database, 60)
    await writing.suspend(user)
    earlier = writing._own[user]
    await writing.suspend(user)
    later, writing._own[user] = writing._own[user], earlier
    await writing.lift(user)
    await reading.look()
    assert not reading.trusts(user)
    writing._own[user] = later
    await writing.lift(user)
    await reading.look()
    assert reading.trusts(user)


async def test_one_that_is_stored_late_does_not_take_the_place_of_a_later_one(
    database: mongo.Database, user: str
) -> None:
    writing, reading = MongoSuspensions(database, 60), MongoSuspensions(database, 60)
    writing._turn = 9
    await writing.suspend(user)
    writing._turn = 1  # the second of all, which was held up on its way
    await writing.suspend(user)
    writing._own[user] = dataclasses.replace(writing._own[user], turn=9)
    await writing.lift(user)
    await reading.look()
    assert not reading.trusts(user)


async def test_who_suspended_nobody_lifts_nothing(database: mongo.Database, user: str) -> None:
    writing, other = MongoSuspensions(database, 60), MongoSuspensions(database, 60)
    await writing.suspend(user)
    await other.lift(user)
    assert not (await looked(database)).trusts(user)
    await writing.lift(user)


async def test_too_many_suspensions_suspend_everybody(
    database: mongo.Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database["suspensions"].delete_many({})  # of other tests
    monkeypatch.setattr(suspensions, "_MAX_SUSPENDED", 2)
    writing = MongoSuspensions(database, 60)
    for each in ("a", "b"):
        await writing.suspend(each)
    assert (await looked(database)).trusts(user)
    await writing.suspend("c")
    assert not (await looked(database)).trusts(user)
    for each in ("a", "b", "c"):
        await writing.lift(each)
    assert (await looked(database)).trusts(user)


async def test_when_mongodb_is_silent_what_is_known_goes_on_to_count(
    mongodb: Mongod, database: mongo.Database, user: str
) -> None:
    writing, reading = MongoSuspensions(database, 60), MongoSuspensions(database, 60)
    await writing.suspend("suspended")
    await reading.look()
    mongodb.process.pause()
    try:
        with pytest.raises(UnavailableError):
            await reading.look()
    finally:
        mongodb.process.resume()
    assert reading.trusts(user)
    assert not reading.trusts("suspended")
    await writing.lift("suspended")


async def test_a_look_that_was_itself_held_up_is_no_look(
    database: mongo.Database, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = await looked(database)
    reading._looked -= TRUST_SECONDS

    async def held_up() -> frozenset[str]:
        time.sleep(0.6)  # noqa: ASYNC251 - nothing goes on, as in a frozen process
        raise UnavailableError("MongoDB")

    monkeypatch.setattr(reading, "_find", held_up)
    with pytest.raises(UnavailableError):
        await reading.look()
    assert not reading.trusts(user)


async def test_a_process_whose_threads_are_all_taken_looks_all_the_same(mongodb: Mongod, user: str) -> None:
    async with mongo.database(SecretStr(mongodb.uri("tasks"))) as opened:
        reading = MongoSuspensions(opened, 60)
        await reading.look()
        until = datetime.now(UTC) + timedelta(seconds=60)
        with pymongo.MongoClient[mongo.Document](mongodb.uri("tasks")) as other, ExitStack() as busy:
            free = threading.Event()
            busy.callback(free.set)
            for _ in range(100):
                motor.frameworks.asyncio._EXECUTOR.submit(free.wait)  # what Motor's calls wait for
            other.get_default_database()["suspensions"].insert_one(
                {"_id": user, "user": user, "until": until}
            )
            await reading.look()
            assert not reading.trusts(user)


async def test_mongodb_removes_what_has_ended(database: mongo.Database, mongodb: Mongod) -> None:
    await MongoSuspensions(database, 60).prepare()
    with mongodb.admin() as admin:
        indexes = admin[database.name]["suspensions"].index_information()
    assert indexes["until_1"]["expireAfterSeconds"] == 0


async def test_a_suspension_is_in_force_for_as_long_as_it_was_asked_for(
    database: mongo.Database, user: str
) -> None:
    before = mongo.now()
    writing = MongoSuspensions(database, 36_000)
    began = time.monotonic()
    await writing.suspend(user)
    own = writing._own[user]
    (stored,) = await database["suspensions"].find({"user": user}).to_list(None)
    assert before <= stored["until"] - timedelta(hours=10) <= mongo.now()
    assert began + 36_000 <= own.until <= own.since + 36_000
    await writing.lift(user)
    assert await database["suspensions"].count_documents({"user": user}) == 0


async def test_two_processes_suspend_and_lift_each_for_itself(database: mongo.Database, user: str) -> None:
    first, second = (MongoSuspensions(database, 60) for _ in range(2))
    for each in (first, second, first):
        await each.suspend(user)
    await first.lift(user)
    assert not (await looked(database)).trusts(user)
    await second.lift(user)
    assert (await looked(database)).trusts(user)


async def test_a_user_whose_name_looks_like_a_field_is_suspended_like_any_other(
    database: mongo.Database,
) -> None:
    writing = MongoSuspensions(database, 60)
    await writing.suspend("$until")
    assert not (await looked(database)).trusts("$until")
    await writing.lift("$until")


async def test_who_cannot_lift_a_suspension_leaves_it_to_end_by_itself(mongodb: Mongod, user: str) -> None:
    async with mongo.database(SecretStr(mongodb.uri("tasks"))) as closed:
        writing = MongoSuspensions(closed, 60)
        await writing.suspend(user)
        writing._suspensions = closed.client["another"]["suspensions"]  # one it has no right to
        await writing.lift(user)
        assert user not in writing._own
    async with mongo.database(SecretStr(mongodb.uri("tasks"))) as database:
        assert not (await looked(database)).trusts(user)
