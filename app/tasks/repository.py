"""The tasks in MongoDB. Every query names the owner: nobody reaches another's task, whatever its id."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from app.common import mongo
from app.common.mongo import Database, Document

# In the order of creation. Object ids alone are not: within a second they sort by the process that made them.
_CREATION_ORDER = [("created_at", 1), ("_id", 1)]
_ID = re.compile(r"[0-9a-f]{24}")


class TaskRepository:
    """Documents go in and out: turning them into answers is the service's business."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tasks = db["tasks"]

    async def prepare(self) -> None:
        async with mongo.deadline():
            await self._tasks.create_index([("owner", 1), *_CREATION_ORDER])

    async def ping(self) -> None:
        await mongo.ping(self._db)

    async def list(self, owner: str) -> list[Document]:
        async with mongo.deadline():
            return await self._tasks.find({"owner": owner}).sort(_CREATION_ORDER).to_list(None)

    async def get(self, owner: str, task_id: str) -> Document | None:
        if not _ID.fullmatch(task_id):
            return None
        async with mongo.deadline():
            return await self._tasks.find_one({"_id": ObjectId(task_id), "owner": owner})

    async def insert(self, owner: str, fields: dict[str, Any]) -> Document:
        now = _now()
        document: Document = {"owner": owner, **fields, "created_at": now, "updated_at": now}
        async with mongo.deadline():
            await self._tasks.insert_one(document)  # puts the new _id into the document
        return document

    async def update(self, owner: str, task_id: str, fields: dict[str, Any]) -> Document | None:
        if not _ID.fullmatch(task_id):
            return None
        async with mongo.deadline():
            document: Document | None = await self._tasks.find_one_and_update(
                {"_id": ObjectId(task_id), "owner": owner},
                {"$set": {**fields, "updated_at": _now()}},
                return_document=ReturnDocument.AFTER,
            )
        return document

    async def delete(self, owner: str, task_id: str) -> bool:
        if not _ID.fullmatch(task_id):
            return False
        async with mongo.deadline():
            result = await self._tasks.delete_one({"_id": ObjectId(task_id), "owner": owner})
        return result.deleted_count > 0

    async def clear(self, owner: str) -> None:
        async with mongo.deadline():
            await self._tasks.delete_many({"owner": owner})


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)  # what MongoDB keeps
