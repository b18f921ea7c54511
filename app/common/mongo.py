"""Connecting to MongoDB, and what its failures mean to a client. Queries are in the repositories alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TypeVar

import pymongo
from motor.frameworks.asyncio import run_on_executor
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pydantic import SecretStr
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, WTimeoutError

from app.common import timing
from app.common.problems import UnavailableError

logger = logging.getLogger(__name__)

T = TypeVar("T")
Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]

# No operation outlives this, whether it waits for a server, for a thread or for an answer.
OPERATION_SECONDS = 5.0
_SELECTION_MS = 3000
_SAY_EVERY_SECONDS = 5.0
# What a member says that is shut down, or steps down, in the middle of an operation ("not writable primary"
# and "node is recovering" in MongoDB's specification of server discovery and monitoring). The driver knows
# them as answers to a whole command; of a write, or its write concern, they are errors like any other.
_LEAVING = {91, 189, 10058, 10107, 11600, 11602, 13435, 13436}
_RETRY_SECONDS = 0.3


class StartupError(Exception):
    """The process cannot start, and a retry by itself would not help. The text is the log line."""


@asynccontextmanager
async def database(uri: SecretStr) -> AsyncIterator[Database]:
    """Open the database that the URI names, and close its connections at the end."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        uri.get_secret_value(),
        serverSelectionTimeoutMS=_SELECTION_MS,
        connectTimeoutMS=2000,
        appname="taskyard",
        tz_aware=True,
    )
    try:
        yield client.get_default_database()
    finally:
        client.close()


# The task that has a deadline already. A task that is begun under it has its own life, and its own deadline.
_bounded: ContextVar[asyncio.Task[Any] | None] = ContextVar("bounded", default=None)


@asynccontextmanager
async def deadline() -> AsyncIterator[None]:
    """Bound what runs inside by OPERATION_SECONDS, as a part of the request. Raises UnavailableError.

    pymongo's own deadline also limits the server (maxTimeMS); asyncio's ends the wait for a free thread.
    Within another deadline it does nothing: that one comes first.
    """
    task = asyncio.current_task()
    if _bounded.get() is task:
        yield
        return
    before = _bounded.set(task)
    try:
        with timing.measured("db"), translated(), pymongo.timeout(OPERATION_SECONDS):
            async with asyncio.timeout(OPERATION_SECONDS) as limit:
                try:
                    yield
                except PyMongoError as error:
                    # Interrupted while it ends a transaction, Motor ends it again and stumbles over that.
                    if limit.expired():
                        raise TimeoutError from error
                    raise
    except UnavailableError as error:
        logger.warning("MongoDB does not answer: %s", type(error.__cause__).__name__)
        raise
    finally:
        _bounded.reset(before)


class translated:  # noqa: N801 - used as a context manager
    """Tell a database that is away (UnavailableError) from a bug."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        is_away = isinstance(error, ConnectionFailure | WTimeoutError | TimeoutError)
        is_leaving = isinstance(error, OperationFailure) and error.code in _LEAVING
        if is_away or is_leaving or (isinstance(error, PyMongoError) and error.timeout):
            raise UnavailableError("MongoDB") from error


def in_thread(work: Callable[[], T]) -> Awaitable[T]:
    """Do blocking steps (with what Motor calls `delegate`) in one of its threads; the deadline holds."""
    done: Awaitable[T] = run_on_executor(asyncio.get_running_loop(), work)  # type: ignore[no-untyped-call] # Motor has no types for it
    return done


def now() -> datetime:
    """Return the time as MongoDB keeps it: UTC, milliseconds."""
    time_now = datetime.now(UTC)
    return time_now.replace(microsecond=time_now.microsecond // 1000 * 1000)


async def ping(db: Database) -> None:
    async with deadline():
        await db.command("ping")


async def wait_until_ready(prepare: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Call `prepare` (which makes the indexes) until MongoDB answers. Raises StartupError."""
    give_up = time.monotonic() + seconds
    say_again = 0.0
    while True:
        try:
            await prepare()
        except OperationFailure as error:
            reason = (error.details or {}).get("errmsg", error.code)
            raise StartupError(f"MongoDB refuses this service: {reason}") from None
        except (UnavailableError, PyMongoError):
            now = time.monotonic()
            if now >= give_up:
                raise StartupError(f"MongoDB did not answer within {seconds:g} s") from None
            if now >= say_again:
                logger.info("waiting for MongoDB")
                say_again = now + _SAY_EVERY_SECONDS
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
