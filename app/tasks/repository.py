"""The tasks in MongoDB. Every query names the owner: nobody reaches another's task, whatever its id."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorCursor
from pymongo import ReturnDocument

from app.common import mongo, transactions
from app.common.mongo import Database, Document
from app.common.transactions import Session
from app.tasks import finding
from app.tasks.queries import TaskFilter, TaskQuery

T = TypeVar("T")


class TaskRepository:
    """Documents go in and out: turning them into answers is the representation's business.

    Each has a `revision`, which every change increments: 1 when it is new. Where `revisions` are given, only
    a task that has one of them is found: for the database looking and changing are one step.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tasks = db["tasks"]

    async def prepare(self) -> None:
        async with mongo.deadline():
            await self._tasks.create_indexes(finding.INDEXES)

    async def ping(self) -> None:
        await mongo.ping(self._db)

    def page(self, owner: str, query: TaskQuery) -> AsyncIOMotorCursor[Document]:
        return self._tasks.find(**finding.page_options(owner, query))

    async def read(self, owner: str, query: TaskQuery, made: Callable[[list[Document], int], T]) -> T:
        """Return what is made of a page and of how many tasks the query finds on all pages.

        The page has one document more if the list goes on. All of this is one thread's: each change to the
        event loop and back costs as much as what is made (docs/decisions/0010-hot-path.md).
        """

        def in_one_go() -> T:
            documents = [*self.page(owner, query).delegate]
            if query.cursor is None and len(documents) <= query.limit:
                return made(documents, len(documents))
            return made(documents, self._tasks.delegate.count_documents(finding.conditions(owner, query)))

        async with mongo.deadline():
            return await mongo.in_thread(in_one_go)

    async def count(self, owner: str) -> int:
        async with mongo.deadline():
            return await self._tasks.count_documents(finding.conditions(owner, TaskFilter()))

    async def get(
        self, owner: str, task_id: str, revisions: Collection[int] | None = None
    ) -> Document | None:
        async with mongo.deadline():
            return await self._tasks.find_one(_one(owner, task_id, revisions))

    async def insert(self, documents: Sequence[Document]) -> None:
        """Insert all of them or none."""
        if len(documents) == 1:  # one is that without a transaction
            async with mongo.deadline():
                await self._tasks.insert_one(documents[0])
        else:
            await transactions.run(self._db, lambda session: self.insert_within(session, documents))

    async def insert_within(self, session: Session, documents: Sequence[Document]) -> None:
        await self._tasks.insert_many(documents, session=session)

    async def update(
        self, owner: str, task_id: str, fields: dict[str, Any], revisions: Collection[int] | None
    ) -> Document | None:
        async with mongo.deadline():
            document: Document | None = await self._tasks.find_one_and_update(
                _one(owner, task_id, revisions), _change(fields), return_document=ReturnDocument.AFTER
            )
        return document

    async def update_all(self, owner: str, query: TaskFilter, *, completed: bool) -> int:
        """Complete the tasks that a filter finds, or the reverse. Returns how many were not so before."""
        found = finding.conditions(owner, query)
        async with mongo.deadline():
            result = await self._tasks.update_many(
                {"$and": [found, {"completed": not completed}]}, _change({"completed": completed})
            )
        return result.modified_count

    async def delete(self, owner: str, task_id: str, revisions: Collection[int] | None) -> bool:
        async with mongo.deadline():
            result = await self._tasks.delete_one(_one(owner, task_id, revisions))
        return result.deleted_count > 0

    async def clear(self, owner: str) -> None:
        async with mongo.deadline():
            await self._tasks.delete_many({"owner": owner})


def new_documents(owner: str, given: Sequence[dict[str, Any]]) -> list[Document]:
    """Make documents whose ids are in the order in which they were given, as their place in the list is."""
    created = mongo.now()
    identities = sorted(ObjectId() for _ in given)
    return [
        {
            "_id": identity,
            "owner": owner,
            **fields,
            "revision": 1,
            "created_at": created,
            "updated_at": created,
        }
        for identity, fields in zip(identities, given, strict=True)
    ]


def _one(owner: str, task_id: str, revisions: Collection[int] | None) -> Document:
    found: Document = {"_id": ObjectId(task_id), "owner": owner}
    if revisions is not None:
        found["revision"] = {"$in": list(revisions)}
    return found


def _change(fields: dict[str, Any]) -> Document:
    return {"$set": {**fields, "updated_at": mongo.now()}, "$inc": {"revision": 1}}
