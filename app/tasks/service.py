"""The rules of task lists. Reads of the list go through the cache; every write goes through it too."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from app.common.mongo import Document
from app.common.problems import ProblemError
from app.tasks.cache import Entry, Outcome, TaskListCache
from app.tasks.models import TaskCreate, TaskPatch
from app.tasks.repository import TaskRepository

_FIELDS = (
    "title",
    "description",
    "completed",
    "order",
    "due_at",
    "priority",
    "tags",
    "created_at",
    "updated_at",
)


class TaskNotFoundError(ProblemError):
    """Another's task, no such task and no possible id look the same."""

    def __init__(self) -> None:
        super().__init__(404, "there is no such task")


class TaskService:
    def __init__(self, tasks: TaskRepository, lists: TaskListCache, public_url: str) -> None:
        self._tasks = tasks
        self._lists = lists
        self._base = f"{public_url}/tasks/"

    async def list(self, owner: str) -> tuple[Entry, Outcome]:
        async def load() -> Entry:
            documents = await self._tasks.list(owner)
            body = to_json([self._answer(document) for document in documents])
            return Entry(len(documents), f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"', "", body)

        return await self._lists.read(owner, "", load)

    async def create(self, owner: str, task: TaskCreate) -> dict[str, Any]:
        document = await self._lists.write(owner, lambda: self._tasks.insert(owner, task.model_dump()))
        return self._answer(document)

    async def get(self, owner: str, task_id: str) -> dict[str, Any]:
        return self._answer(_found(await self._tasks.get(owner, task_id)))

    async def update(self, owner: str, task_id: str, patch: TaskPatch) -> dict[str, Any]:
        fields = patch.model_dump(exclude_unset=True)
        if not fields:
            return await self.get(owner, task_id)
        document = await self._lists.write(owner, lambda: self._tasks.update(owner, task_id, fields))
        return self._answer(_found(document))

    async def delete(self, owner: str, task_id: str) -> None:
        if not await self._lists.write(owner, lambda: self._tasks.delete(owner, task_id)):
            raise TaskNotFoundError

    async def clear(self, owner: str) -> None:
        await self._lists.write(owner, lambda: self._tasks.clear(owner))

    async def purge(self, owner: str) -> None:
        """Forget everything about an account that is gone."""
        await self.clear(owner)

    def _answer(self, document: Document) -> dict[str, Any]:
        identity = str(document["_id"])
        return {"id": identity, "url": self._base + identity, **{name: document[name] for name in _FIELDS}}


def to_json(value: Any) -> bytes:
    """Times end in Z. orjson instead of the framework's encoder: 50 times cheaper for a list."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def _found(document: Document | None) -> Document:
    if document is None:
        raise TaskNotFoundError
    return document
