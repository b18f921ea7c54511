"""Idempotency keys: a request that is sent again is answered again, not done again.

draft-ietf-httpapi-idempotency-key-header. The answer is stored in the transaction that makes the tasks: there
is no moment at which a process can die and leave one without the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Self

import orjson
from pydantic import BaseModel
from pymongo.errors import DuplicateKeyError

from app.common import mongo, transactions
from app.common.mongo import Database, Document
from app.common.problems import ProblemError
from app.common.transactions import Session
from app.tasks.representation import Answer

KEPT_SECONDS = 24 * 60 * 60
_KEY = r"[!#-\[\]-~]{1,255}"  # visible ASCII but what a quoted string would need a backslash for
KEY_PATTERN = rf'^({_KEY}|"{_KEY}")$'
_is_key = re.compile(KEY_PATTERN).fullmatch


class KeptError(ProblemError):
    """Answers are stored with their keys: they need a quota as the tasks do."""

    def __init__(self, limit: int) -> None:
        super().__init__(409, f"nobody may make more than {limit} tasks with an Idempotency-Key in 24 hours")


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that is to be done once: whose key, and what was asked under it."""

    owner: str
    key: str
    fingerprint: str

    @classmethod
    def parse(
        cls, lines: Sequence[str], owner: str, operation: str, body: Sequence[BaseModel]
    ) -> Self | None:
        """Read the header's lines, None if there is none. Raises a 400 for what is no key.

        Defaults are not part of the request: another release may have more fields.
        """
        if not lines:
            return None
        value = ", ".join(lines)
        if not _is_key(value):
            raise ProblemError(
                400, "Idempotency-Key must be 1 to 255 visible ASCII characters, without backslashes"
            )
        sent = [each.model_dump(exclude_defaults=True) for each in body]
        asked = orjson.dumps([operation, sent], option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
        return cls(owner, value.strip('"'), hashlib.sha256(asked).hexdigest())


class IdempotencyRepository:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._keys = db["idempotency_keys"]

    async def prepare(self) -> None:
        async with mongo.deadline():
            await self._keys.create_index("created_at", expireAfterSeconds=KEPT_SECONDS)
            await self._keys.create_index([("_id.owner", 1), ("tasks", 1)])

    async def find(self, claim: Claim) -> Answer | None:
        """Return the answer that was given under this key. Raises a 422 if something else was asked then."""
        async with mongo.deadline():
            document = await self._keys.find_one({"_id": _identity(claim)})
        if document is None:
            return None
        if document["fingerprint"] != claim.fingerprint:
            raise ProblemError(422, "this Idempotency-Key was used for another request: take a new one")
        return Answer(document["body"], {**document["headers"], "Idempotency-Replayed": "true"})

    async def made(self, owner: str) -> int:
        """Return how many tasks were made under keys that are still kept."""
        each = {"$match": {"_id.owner": owner}}
        async with mongo.deadline():
            found = await self._keys.aggregate(
                [each, {"$group": {"_id": None, "tasks": {"$sum": "$tasks"}}}]
            ).to_list(1)
        return int(found[0]["tasks"]) if found else 0

    async def forget(self, owner: str) -> None:
        """Remove all that is known of an account."""
        async with mongo.deadline():
            await self._keys.delete_many({"_id.owner": owner})

    async def once(
        self, claim: Claim, answer: Answer, tasks: int, operation: Callable[[Session], Awaitable[None]]
    ) -> bool:
        """Run `operation`, which makes so many `tasks`, and store its answer, both or neither.

        Returns False if the key is taken by now.
        """
        record: Document = {
            "_id": _identity(claim),
            "fingerprint": claim.fingerprint,
            "body": answer.body,
            "headers": answer.headers,
            "tasks": tasks,
            "created_at": mongo.now(),
        }

        async def recorded(session: Session) -> None:
            await self._keys.insert_one(record, session=session)
            await operation(session)

        try:
            await transactions.run(self._db, recorded)
        except DuplicateKeyError:
            return False
        return True


def _identity(claim: Claim) -> Document:
    """The key of MongoDB's own unique index. The order of the names is part of it."""
    return {"owner": claim.owner, "key": claim.key}
