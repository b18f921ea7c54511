"""What becomes of a transaction that another one is in the way of, until there is no time left."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from pymongo.errors import InvalidOperation

from app.common import mongo, transactions
from app.common.problems import UnavailableError
from tools.local_mongod import Mongod

pytestmark = pytest.mark.anyio


@pytest.fixture
async def db(mongodb: Mongod) -> AsyncIterator[mongo.Database]:
    async with mongo.database(SecretStr(mongodb.uri("tasks"))) as opened:
        yield opened


async def test_whenever_the_time_is_over_it_is_the_database_that_did_not_answer(
    db: mongo.Database, mongodb: Mongod, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_the_way(session: transactions.Session) -> None:
        await db["contested"].insert_one({"_id": user}, session=session)

    with mongodb.admin() as admin:
        admin[db.name].create_collection("contested")
    async with await db.client.start_session() as other, other.start_transaction():
        await in_the_way(other)
        outcomes = []
        give_up = time.monotonic() + 4
        while time.monotonic() < give_up:
            monkeypatch.setattr(mongo, "OPERATION_SECONDS", random.uniform(0.02, 0.1))
            attempts = (transactions.run(db, in_the_way) for _ in range(4))
            outcomes += await asyncio.gather(*attempts, return_exceptions=True)
    assert [outcome for outcome in outcomes if not isinstance(outcome, UnavailableError)] == []


async def test_what_an_interrupted_driver_stumbles_over_is_no_mistake_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mongo, "OPERATION_SECONDS", 0.01)

    async def stumble() -> None:
        async with mongo.deadline():
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                raise InvalidOperation from None

    with pytest.raises(UnavailableError):
        await stumble()


async def test_a_mistake_of_ours_is_one() -> None:
    async def mistake() -> None:
        async with mongo.deadline():
            raise InvalidOperation

    with pytest.raises(InvalidOperation):
        await mistake()
