"""The sessions in MongoDB: one document for each place where a user is signed in.

A session is a family of refresh tokens (RFC 9700, 4.14.2): each use replaces the token, and a token that was
used before ends the whole family. Ending a session is one transaction: the document goes, and the revocation
that the task service looks for comes.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from app.auth.models import Client, RefreshToken, Session
from app.common import mongo, transactions
from app.common.mongo import Database, Document
from app.common.revocations import RevocationLog

# More than anybody has devices; the one that was not used for the longest time makes room.
MOST = 50
_MAX_LIFE_MS = 90 * 24 * 3600 * 1000


class SessionRepository:
    def __init__(self, db: Database, revocations: RevocationLog, idle_seconds: int) -> None:
        self._db = db
        self._sessions = db["sessions"]
        self._revocations = revocations
        self._idle = timedelta(seconds=idle_seconds)

    async def prepare(self) -> None:
        async with mongo.deadline():
            await self._sessions.create_index("selector", unique=True)
            await self._sessions.create_index([("user", 1), ("last_used_at", -1)])
            await self._sessions.create_index("expires_at", expireAfterSeconds=0)

    async def begin(
        self, user_id: str, client: Client, transaction: transactions.Session
    ) -> tuple[Session, RefreshToken]:
        """Start a session, and end the user's oldest if there are too many."""
        now = mongo.now()
        token = RefreshToken(secrets.token_urlsafe(16), secrets.token_urlsafe(32))
        document: Document = {
            "_id": secrets.token_urlsafe(16),
            "user": user_id,
            "selector": _digest(token.selector),
            "verifier": _digest(token.verifier),
            "created_at": now,
            "last_used_at": now,
            "expires_at": now + self._idle,
            "address": client.address,
            "user_agent": client.user_agent,
        }
        await self._sessions.insert_one(document, session=transaction)
        cursor = self._sessions.find({"user": user_id}, {"_id": 1}, session=transaction)
        surplus = [found["_id"] for found in await cursor.sort("last_used_at", -1).skip(MOST).to_list(None)]
        if surplus:
            await self.end({"_id": {"$in": surplus}}, transaction)
        return _session(document), token

    async def rotate(self, token: RefreshToken) -> tuple[Session, RefreshToken] | None:
        """Exchange a refresh token for the next one. One that was used before ends its session."""
        now = mongo.now()
        successor = RefreshToken(token.selector, secrets.token_urlsafe(32))
        family = {"selector": _digest(token.selector)}
        known = {**family, "verifier": _digest(token.verifier), **_in_force()}
        prolonged = {"$min": [now + self._idle, {"$add": ["$created_at", _MAX_LIFE_MS]}]}
        changes = {"verifier": _digest(successor.verifier), "last_used_at": now, "expires_at": prolonged}
        async with mongo.deadline():
            document = await self._sessions.find_one_and_update(
                known, [{"$set": changes}], return_document=True
            )
        if document is None:
            await self.end(family)
            return None
        return _session(document), successor

    async def get(self, user_id: str, session_id: str) -> Session | None:
        async with mongo.deadline():
            document = await self._sessions.find_one({"_id": session_id, "user": user_id, **_in_force()})
        return _session(document) if document else None

    async def of(self, user_id: str) -> list[Session]:
        """The user's sessions, the one used last first."""
        async with mongo.deadline():
            cursor = self._sessions.find({"user": user_id, **_in_force()}).sort("last_used_at", -1)
            found = await cursor.to_list(MOST)
        return [_session(document) for document in found]

    async def end(self, which: dict[str, Any], transaction: transactions.Session | None = None) -> int:
        """End the sessions that `which` finds: all of them, or none. Returns how many."""
        if transaction is None:
            return await transactions.run(self._db, lambda session: self._end(which, session))
        return await self._end(which, transaction)

    async def _end(self, which: dict[str, Any], transaction: transactions.Session) -> int:
        cursor = self._sessions.find(which, {"_id": 1}, session=transaction)
        ended = [document["_id"] for document in await cursor.to_list(None)]
        if ended:
            await self._sessions.delete_many({"_id": {"$in": ended}}, session=transaction)
            await self._revocations.add(ended, transaction)
        return len(ended)


def _in_force() -> Document:
    """MongoDB removes what has expired a little later."""
    return {"expires_at": {"$gt": mongo.now()}}


def _digest(secret: str) -> str:
    """No salt, no stretching: what goes in has 128 and 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _session(document: Document) -> Session:
    return Session(
        document["_id"],
        document["user"],
        document["created_at"],
        document["last_used_at"],
        document["expires_at"],
        Client(document["address"], document["user_agent"]),
    )
