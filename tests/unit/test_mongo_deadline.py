"""The deadline of what is asked of MongoDB: one for all steps, and one for each task."""

from __future__ import annotations

import asyncio
import logging

import pymongo
import pytest
from pymongo.errors import AutoReconnect, DuplicateKeyError, WriteConcernError, WriteError

from app.common import mongo, timing
from app.common.problems import UnavailableError

pytestmark = pytest.mark.anyio


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo, "OPERATION_SECONDS", 0.05)


async def too_long() -> None:
    async with mongo.deadline():
        await asyncio.sleep(60)


@pytest.mark.usefixtures("soon")
async def test_what_takes_too_long_is_unavailable() -> None:
    with pytest.raises(UnavailableError):
        await too_long()


@pytest.mark.usefixtures("soon")
async def test_a_deadline_within_another_one_gives_no_more_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def both() -> None:
        async with mongo.deadline():
            monkeypatch.setattr(mongo, "OPERATION_SECONDS", 60)
            await too_long()

    caplog.set_level(logging.WARNING)
    with pytest.raises(UnavailableError):
        await both()
    assert caplog.messages == ["MongoDB does not answer: TimeoutError"]  # once


@pytest.mark.usefixtures("soon")
async def test_a_task_that_is_begun_within_a_deadline_has_its_own() -> None:
    async with mongo.deadline():
        task = asyncio.create_task(too_long())
    with pytest.raises(UnavailableError):
        await task


@pytest.mark.usefixtures("soon")
async def test_after_a_deadline_the_next_one_counts_again() -> None:
    for _ in range(2):
        async with mongo.deadline():
            pass
    with pytest.raises(UnavailableError):
        await too_long()


async def test_an_error_within_two_deadlines_is_what_it_would_be_within_one() -> None:
    for error, becomes in ((AutoReconnect(), UnavailableError), (DuplicateKeyError("x"), DuplicateKeyError)):
        with pytest.raises(becomes):
            async with mongo.deadline(), mongo.deadline():
                raise error


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (WriteError("interrupted: the member steps down", 11602), UnavailableError),
        (WriteConcernError("interrupted: the member is shut down", 91), UnavailableError),
        (WriteError("a document is not as it should be", 121), WriteError),
    ],
)
async def test_a_member_that_leaves_in_the_middle_of_a_write_is_unavailable(
    error: Exception, becomes: type[Exception]
) -> None:
    with pytest.raises(becomes):
        async with mongo.deadline():
            raise error


async def test_the_driver_knows_the_deadline_and_the_request_the_time() -> None:
    token = timing.begin()
    async with mongo.deadline(), mongo.deadline():
        assert pymongo._csot.get_timeout() == mongo.OPERATION_SECONDS
    assert timing.spent().keys() == {"db"}
    timing.end(token)
