"""Sessions that were ended while their access tokens were still good.

Auth writes them into a database that the task service may read (and nothing else of auth's). Every task
instance looks at it several times a second and keeps what it saw in memory, so that a request costs no round
trip. Redis is not part of it: it may forget, and a revocation may not be forgotten.

An instance that cannot reach MongoDB learns nothing new and goes on with what it knows; it accepts a session
that was ended meanwhile until its access token expires (`TASKYARD_AUTH_TOKEN_TTL_SECONDS` at the most).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bson import Timestamp

from app.common import mongo
from app.common.lookout import Lookout
from app.common.mongo import Database, Document
from app.common.transactions import Session

DATABASE = "taskyard_revocations"
LOOK_EVERY_SECONDS = 0.25
_LOOK_SECONDS = 0.7
# A token may be signed this much later than the transaction that allowed it.
_MARGIN = timedelta(seconds=60)
# What was stamped earlier than this before the newest one seen is there to be seen: no write takes longer.
_OVERLAP_SECONDS = int(2 * mongo.OPERATION_SECONDS)


class RevocationLog:
    """The writing side, for auth. A revocation is kept as long as a token of its session can be good."""

    def __init__(self, db: Database, token_ttl_seconds: int) -> None:
        self._revocations = db.client[DATABASE]["sessions"]
        self._keep = timedelta(seconds=token_ttl_seconds) + _MARGIN

    async def prepare(self) -> None:
        async with mongo.deadline():
            await self._revocations.create_index("expires_at", expireAfterSeconds=0)
            await self._revocations.create_index("at")

    async def add(self, session_ids: Iterable[str], session: Session) -> None:
        """Part of the transaction that ends the sessions.

        `at` is the replica set's logical clock: it never goes back, whichever member is the primary.
        """
        stamp: Document = {"at": "$$CLUSTER_TIME", "expires_at": mongo.now() + self._keep}
        for session_id in session_ids:
            await self._revocations.update_one(
                {"_id": session_id}, [{"$set": stamp}], upsert=True, session=session
            )


class Revocations:
    """The reading side: the ended sessions whose tokens may still be around, as of the last look."""

    def __init__(self, db: Database) -> None:
        self._lookout = Lookout(db.client[DATABASE]["sessions"])
        self._expires: dict[str, datetime] = {}
        self._newest: Timestamp | None = None

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._expires

    async def look(self) -> None:
        """Read what is new since the last look."""
        if self._newest is None:  # at the start: all of them
            since, seconds = {}, mongo.OPERATION_SECONDS
        else:
            since = {"at": {"$gt": Timestamp(self._newest.time - _OVERLAP_SECONDS, 0)}}
            seconds = _LOOK_SECONDS
        found = await self._lookout.find(since, seconds=seconds)
        for document in found:
            self._expires[document["_id"]] = document["expires_at"]
            self._newest = max(self._newest or document["at"], document["at"])
        now = mongo.now()
        for session_id in [known for known, expires in self._expires.items() if expires <= now]:
            del self._expires[session_id]
