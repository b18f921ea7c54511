"""How an ended session gets from the auth service to every task instance: by way of MongoDB, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import Timestamp
from pydantic import SecretStr

from app.common import mongo, transactions
from app.common.lookout import Lookout
from app.common.problems import UnavailableError
from app.common.revocations import _LOOK_SECONDS, DATABASE, RevocationLog, Revocations
from tools.local_mongod import Mongod

pytestmark = pytest.mark.anyio
TTL_SECONDS = 900


@pytest.fixture
async def auth(mongodb: Mongod) -> AsyncIterator[mongo.Database]:
    with mongodb.admin() as admin:
        admin.drop_database(DATABASE)
    async with mongo.database(SecretStr(mongodb.uri("auth"))) as opened:
        await RevocationLog(opened, TTL_SECONDS).prepare()
        yield opened


@pytest.fixture
async def reading(mongodb: Mongod, auth: mongo.Database) -> AsyncIterator[Revocations]:
    async with mongo.database(SecretStr(mongodb.uri("tasks"))) as opened:
        yield Revocations(opened)


async def end(auth: mongo.Database, *session_ids: str, ttl_seconds: int = TTL_SECONDS) -> None:
    log = RevocationLog(auth, ttl_seconds)
    await transactions.run(auth, lambda transaction: log.add(session_ids, transaction))


async def test_nothing_has_ended_until_something_has(auth: mongo.Database, reading: Revocations) -> None:
    await reading.look()
    assert "one" not in reading
    await end(auth, "one", "two")
    assert "one" not in reading
    await reading.look()
    assert "one" in reading
    assert "two" in reading
    assert "three" not in reading


async def test_what_ended_after_a_look_is_seen_by_the_next_and_the_rest_stays_known(
    auth: mongo.Database, reading: Revocations
) -> None:
    for session in ("one", "two", "three"):
        await end(auth, session)
        await reading.look()
    assert all(session in reading for session in ("one", "two", "three"))


async def test_it_is_kept_for_longer_than_a_token_can_be_good(auth: mongo.Database) -> None:
    before = mongo.now()
    await end(auth, "one")
    (kept,) = await auth.client[DATABASE]["sessions"].find().to_list(None)
    after = mongo.now()
    assert kept["_id"] == "one"
    longest = timedelta(seconds=TTL_SECONDS + 60)
    assert before + longest <= kept["expires_at"] <= after + longest


async def test_a_session_that_is_ended_twice_is_kept_for_as_long_as_the_second_time_asks(
    auth: mongo.Database,
) -> None:
    sessions = auth.client[DATABASE]["sessions"]
    await end(auth, "one")
    (first,) = await sessions.find().to_list(None)
    await end(auth, "one", ttl_seconds=2 * TTL_SECONDS)
    (second,) = await sessions.find().to_list(None)
    assert second["at"] > first["at"]
    assert second["expires_at"] >= first["expires_at"] + timedelta(seconds=TTL_SECONDS)


async def test_a_transaction_that_fails_has_ended_nothing(auth: mongo.Database, reading: Revocations) -> None:
    log = RevocationLog(auth, TTL_SECONDS)

    async def fail(transaction: transactions.Session) -> None:
        await log.add(["one"], transaction)
        raise LookupError

    with pytest.raises(LookupError):
        await transactions.run(auth, fail)
    await reading.look()
    assert "one" not in reading


@pytest.mark.usefixtures("auth")
async def test_mongodb_removes_what_has_expired_and_finds_the_newest_quickly(mongodb: Mongod) -> None:
    with mongodb.admin() as admin:
        indexes = admin[DATABASE]["sessions"].index_information()
    assert indexes["expires_at_1"]["expireAfterSeconds"] == 0
    assert indexes["at_1"]["key"] == [("at", 1)]


async def test_what_has_expired_is_forgotten_and_nothing_else(
    auth: mongo.Database, reading: Revocations, monkeypatch: pytest.MonkeyPatch
) -> None:
    await end(auth, "short", ttl_seconds=10)
    await end(auth, "long")
    await reading.look()
    (short,) = await auth.client[DATABASE]["sessions"].find({"_id": "short"}).to_list(None)
    # The documents themselves stay where they are: MongoDB removes them once a minute.
    now = short["expires_at"] - timedelta(milliseconds=1)
    monkeypatch.setattr(mongo, "now", lambda: now)
    await reading.look()
    assert "short" in reading
    now = short["expires_at"]
    await reading.look()
    assert "short" not in reading
    assert "long" in reading


async def test_what_was_stamped_up_to_ten_seconds_before_the_newest_is_still_looked_for(
    auth: mongo.Database, reading: Revocations
) -> None:
    """A transaction that took long is stamped before others that it is committed after."""
    await end(auth, "newest")
    await reading.look()
    sessions = auth.client[DATABASE]["sessions"]
    (newest,) = await sessions.find().to_list(None)
    for name, count in (("late", 1), ("impossible", 0)):
        at = Timestamp(newest["at"].time - 10, count)
        await sessions.insert_one({"_id": name, "at": at, "expires_at": newest["expires_at"]})
    await reading.look()
    assert "late" in reading
    assert "impossible" not in reading  # so that a look stays small, however many there are


async def test_the_newest_is_the_newest_whatever_the_order_they_are_found_in(
    auth: mongo.Database, reading: Revocations
) -> None:
    sessions = auth.client[DATABASE]["sessions"]
    now = mongo.now()
    for name, seconds in (("a", 95), ("b", 100), ("c", 95)):
        at = Timestamp(seconds, 1)
        await sessions.insert_one({"_id": name, "at": at, "expires_at": now + timedelta(hours=1)})
    await reading.look()
    await sessions.insert_one(
        {"_id": "impossible", "at": Timestamp(88, 1), "expires_at": now + timedelta(hours=1)}
    )
    await reading.look()
    assert "impossible" not in reading


async def test_the_first_look_may_take_longer_than_the_others(
    auth: mongo.Database, reading: Revocations, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, given = Lookout.find, []

    async def record(self: Lookout, *args: Any, seconds: float) -> list[mongo.Document]:
        given.append(seconds)
        return await find(self, *args, seconds=seconds)

    monkeypatch.setattr(Lookout, "find", record)
    await end(auth, "one")
    for _ in range(3):
        await reading.look()
    assert given == [mongo.OPERATION_SECONDS, _LOOK_SECONDS, _LOOK_SECONDS]


async def test_a_look_at_a_silent_mongodb_is_given_up(
    mongodb: Mongod, auth: mongo.Database, reading: Revocations
) -> None:
    await end(auth, "one")
    await reading.look()
    mongodb.process.pause()
    try:
        async with asyncio.timeout(30):
            with pytest.raises(UnavailableError):
                await reading.look()
    finally:
        mongodb.process.resume()
    assert "one" in reading
