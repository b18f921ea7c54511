"""Accounts that are gone, whose data in other services has to go too: an outbox.

Auth puts an account in here in the transaction that deletes it, so there is no moment at which one is done
and the other forgotten. The task service purges what it holds of the account, twice: at once, and again when
no access token of the account can be good any more, since a request that began before may end after the first
time. Then it takes the entry out. If it was down meanwhile, it finds the entry when it is back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from app.common import mongo
from app.common.mongo import Database
from app.common.transactions import Session

DATABASE = "taskyard_deletions"
LOOK_EVERY_SECONDS = 0.5
_MARGIN = timedelta(seconds=60)
_AT_ONCE = 20


class DeletionLog:
    """The writing side, for auth."""

    def __init__(self, db: Database, token_ttl_seconds: int) -> None:
        self._deletions = db.client[DATABASE]["accounts"]
        self._keep = timedelta(seconds=token_ttl_seconds) + _MARGIN

    async def add(self, user_id: str, session: Session) -> None:
        now = mongo.now()
        await self._deletions.insert_one(
            {"_id": user_id, "due_at": now, "tokens_end_at": now + self._keep}, session=session
        )


class Deletions:
    """The reading side. Several instances may purge one account at once: it does no harm."""

    def __init__(self, db: Database, purge: Callable[[str], Awaitable[None]]) -> None:
        self._deletions = db.client[DATABASE]["accounts"]
        self._purge = purge

    async def look(self) -> None:
        """Purge the accounts whose time has come."""
        due = {"$expr": {"$lte": ["$due_at", "$$NOW"]}}
        async with mongo.deadline():
            found = await self._deletions.find(due).to_list(_AT_ONCE)
        for document in found:
            await self._purge(document["_id"])
            again = document["due_at"] < document["tokens_end_at"]
            this = {"_id": document["_id"], "due_at": document["due_at"]}
            async with mongo.deadline():
                if again:
                    await self._deletions.update_one(this, {"$set": {"due_at": document["tokens_end_at"]}})
                else:
                    await self._deletions.delete_one(this)
