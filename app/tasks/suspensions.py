"""Whose cached lists nobody may read, because a writer could not reach Redis: a side channel in MongoDB.

Every instance looks every LOOK_SECONDS, and trusts Redis only if its last look began less than TRUST_SECONDS
ago. So who has stored a suspension SEEN_SECONDS ago knows that every instance, frozen ones too, obeys it.
Only durations count: each process measures its own, and MongoDB alone compares times of day (`$$NOW`).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any, Protocol

import pymongo

from app.common import mongo
from app.common.lookout import Lookout
from app.common.mongo import Database
from app.common.problems import UnavailableError

LOOK_SECONDS = 0.2
TRUST_SECONDS = 1.0
SEEN_SECONDS = TRUST_SECONDS + 0.1  # clocks run at almost the same speed
# Two attempts and a pause fit into TRUST_SECONDS: hits go on when MongoDB falls silent.
_ATTEMPT_SECONDS = 0.3
_ATTEMPTS = 2
# Somebody late by more than this was held up itself: that MongoDB is silent does not follow.
_LATE_SECONDS = 0.15
_MAX_SUSPENDED = 10_000
_TICK_SECONDS = 0.02


class Suspensions(Protocol):
    def trusts(self, user: str) -> bool:
        """Return whether the user's entries in Redis may be read."""

    async def suspend(self, user: str) -> None:
        """Store that nobody may, or renew it. Raises UnavailableError when it may not have been stored."""

    async def seen(self, user: str) -> None:
        """Wait until every instance obeys the suspension, or it is lifted."""

    async def lift(self, user: str) -> None:
        """Take back this process' suspension, if there is one."""


@dataclass(frozen=True, slots=True)
class _Own:
    """A suspension by this process: in force from `since` to `until` at least (monotonic seconds)."""

    since: float
    until: float
    turn: int


class MongoSuspensions:
    """One document for each process and user; it ends by itself `seconds` after it was last renewed."""

    def __init__(self, db: Database, seconds: float) -> None:
        self._suspensions = db["suspensions"]
        self._lookout = Lookout(self._suspensions)
        self._seconds = seconds
        self._process = secrets.token_hex(8)
        self._turn = 0
        self._own: dict[str, _Own] = {}
        self._looked = float("-inf")  # when the last look that counts began
        self._suspended: frozenset[str] | None = None  # None: everybody

    async def prepare(self) -> None:
        async with mongo.deadline():
            await self._suspensions.create_index("until", expireAfterSeconds=0)

    def trusts(self, user: str) -> bool:
        looked = time.monotonic() - self._looked < TRUST_SECONDS
        return looked and self._suspended is not None and user not in self._suspended

    async def look(self) -> None:
        """Learn who is suspended. When MongoDB is silent, go on with what is known.

        Silence is two failures in a row, each in its time: an attempt that this process itself slept through
        says nothing about MongoDB. Raises UnavailableError, pymongo's errors.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            began = time.monotonic()
            try:
                self._suspended = await self._find()
            except Exception:
                if time.monotonic() - began > _ATTEMPT_SECONDS + _LATE_SECONDS:
                    raise
                if attempt == _ATTEMPTS:
                    self._looked = began
                    raise
            else:
                self._looked = began
                return

    async def _find(self) -> frozenset[str] | None:
        in_force = {"$expr": {"$gt": ["$until", "$$NOW"]}}
        found = await self._lookout.find(
            in_force, {"user": 1}, limit=_MAX_SUSPENDED + 1, seconds=_ATTEMPT_SECONDS
        )
        return None if len(found) > _MAX_SUSPENDED else frozenset(each["user"] for each in found)

    async def suspend(self, user: str) -> None:
        """Also what is in force is stored again: it has to outlast the write that comes now.

        `turn` tells a later suspension from an earlier one that is being lifted at the same time.
        """
        asked = time.monotonic()
        self._turn += 1
        turn = self._turn
        stored: list[dict[str, Any]] = [
            {
                "$set": {
                    "user": {"$literal": user},
                    "turn": {"$max": ["$turn", turn]},
                    "until": {"$add": ["$$NOW", int(self._seconds * 1000)]},
                }
            }
        ]
        async with mongo.deadline():
            await self._suspensions.update_one({"_id": self._id(user)}, stored, upsert=True)
        now, known = time.monotonic(), self._own.get(user)
        since, last = (known.since, known.turn) if known and now < known.until else (now, 0)
        self._own[user] = _Own(since, asked + self._seconds, max(turn, last))

    async def seen(self, user: str) -> None:
        while (own := self._own.get(user)) and time.monotonic() < own.since + SEEN_SECONDS:  # noqa: ASYNC110 - time passes
            await asyncio.sleep(_TICK_SECONDS)  # `lift` may end it earlier

    async def lift(self, user: str) -> None:
        own = self._own.pop(user, None)
        if own is None:
            return
        try:
            async with mongo.deadline():
                await self._suspensions.delete_one({"_id": self._id(user), "turn": {"$lte": own.turn}})
        except (UnavailableError, pymongo.errors.PyMongoError):
            return  # it ends by itself, and until then costs no more than time

    def _id(self, user: str) -> str:
        return f"{self._process}:{user}"
