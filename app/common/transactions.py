"""MongoDB transactions: all of it or nothing, once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

from motor.motor_asyncio import AsyncIOMotorClientSession

from app.common import mongo
from app.common.mongo import Database

Session = AsyncIOMotorClientSession
T = TypeVar("T")
_FIRST_WAIT_MS, _LONGEST_WAIT_MS = 5, 200


async def run(db: Database, operation: Callable[[Session], Awaitable[T]]) -> T:
    """Run `operation` in a transaction, again if another one was in its way, within the usual deadline.

    The driver commits again when it does not know whether a commit was heard. `operation` has to give its
    session to each command, and has no deadline of its own: the driver must see the errors as they are.
    """
    attempts = count()

    async def attempt(session: Session) -> T:
        if tried := next(attempts):
            longest = min(_FIRST_WAIT_MS * 2**tried, _LONGEST_WAIT_MS)
            await asyncio.sleep(secrets.randbelow(longest) / 1000)  # so that two do not meet again and again
        return await operation(session)

    async with mongo.deadline(), await db.client.start_session() as session:
        result: T = await session.with_transaction(attempt)
        return result
