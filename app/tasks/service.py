"""The rules of task lists. Reads of the list go through the cache; every write goes through it too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from app.common import mongo
from app.common.etags import Condition
from app.common.mongo import Document
from app.common.problems import ProblemError
from app.tasks.cache import Looked, Outcome, TaskListCache
from app.tasks.entry import Entry
from app.tasks.idempotency import Claim, IdempotencyRepository, KeptError
from app.tasks.models import TaskCreate, TaskPatch
from app.tasks.queries import TaskFilter, TaskQuery
from app.tasks.quota import Quota
from app.tasks.repository import TaskRepository, new_documents
from app.tasks.representation import Answer, Representation, to_fields


class TaskNotFoundError(ProblemError):
    """Another's task, no such task and no possible id look the same."""

    def __init__(self) -> None:
        super().__init__(404, "there is no such task")


class TaskChangedError(ProblemError):
    def __init__(self) -> None:
        super().__init__(412, "the task has been changed since: read it again, then decide")


class Page(NamedTuple):
    """A page of a list, and where it came from."""

    entry: Entry
    outcome: Outcome


class TaskService:
    def __init__(
        self,
        tasks: TaskRepository,
        keys: IdempotencyRepository,
        lists: TaskListCache,
        representation: Representation,
        quota: int,
    ) -> None:
        self._tasks = tasks
        self._keys = keys
        self._lists = lists
        self._representation = representation
        self._quota = Quota(quota, tasks.count)

    def look(self, owner: str, query: TaskQuery, receive: Callable[[Looked], None]) -> bool:
        """Ask Redis for a list, if it can be asked at once. `receive` gets what `list` begins with then."""
        return self._lists.look(owner, query.this_page, receive)

    async def list(self, owner: str, query: TaskQuery, *looked: Looked) -> Page:
        async def load() -> Entry:
            return await self._tasks.read(owner, query, partial(self._representation.page, query))

        read = self._lists.read_on if looked else self._lists.read
        return Page(*await read(owner, query.this_page, load, *looked))

    async def create(self, owner: str, task: TaskCreate, key: Sequence[str]) -> Answer:
        claim = Claim.parse(key, owner, "create_task", [task])
        documents = new_documents(owner, [to_fields(task.model_dump())])
        return await self._insert(owner, documents, self._representation.created(documents[0]), claim)

    async def create_all(self, owner: str, tasks: Sequence[TaskCreate], key: Sequence[str]) -> Answer:
        claim = Claim.parse(key, owner, "create_tasks", tasks)
        documents = new_documents(owner, [to_fields(task.model_dump()) for task in tasks])
        return await self._insert(owner, documents, self._representation.all_created(documents), claim)

    async def _insert(
        self, owner: str, documents: Sequence[Document], answer: Answer, claim: Claim | None
    ) -> Answer:
        """Insert all or none and, under a key, once."""

        async def operation() -> Answer:
            async with mongo.deadline():  # one for all steps: the writer's mark in Redis lasts no longer
                while True:
                    if claim and (earlier := await self._keys.find(claim)):
                        return earlier
                    async with self._quota.room(owner, len(documents)):
                        if claim is None:
                            await self._tasks.insert(documents)
                            return answer
                        if await self._keys.made(owner) + len(documents) > self._quota.limit:
                            raise KeptError(self._quota.limit)
                        insert = partial(self._tasks.insert_within, documents=documents)
                        if await self._keys.once(claim, answer, len(documents), insert):
                            return (
                                answer  # otherwise somebody took the key meanwhile: the answer is there now
                            )

        return await self._lists.write(owner, operation)

    async def get(self, owner: str, task_id: str) -> Answer:
        return self._representation.answer(await self._found(owner, task_id))

    async def update(self, owner: str, task_id: str, patch: TaskPatch, condition: Condition | None) -> Answer:
        fields = to_fields(patch.model_dump(exclude_unset=True))
        revisions = self._representation.revisions(condition)
        document: Document | None
        if fields:
            document = await self._lists.write(
                owner, lambda: self._tasks.update(owner, task_id, fields, revisions)
            )
        else:
            document = await self._tasks.get(owner, task_id, revisions)
        if document is None:
            raise await self._refusal(owner, task_id)
        return self._representation.answer(document)

    async def update_all(self, owner: str, query: TaskFilter, *, completed: bool) -> int:
        return await self._lists.write(
            owner, lambda: self._tasks.update_all(owner, query, completed=completed)
        )

    async def delete(self, owner: str, task_id: str, condition: Condition | None) -> None:
        revisions = self._representation.revisions(condition)
        if not await self._lists.write(owner, lambda: self._tasks.delete(owner, task_id, revisions)):
            raise await self._refusal(owner, task_id)

    async def clear(self, owner: str) -> None:
        await self._lists.write(owner, lambda: self._tasks.clear(owner))

    async def purge(self, owner: str) -> None:
        """Forget everything about an account that is gone."""
        await self.clear(owner)
        await self._keys.forget(owner)

    async def _found(self, owner: str, task_id: str) -> Document:
        document = await self._tasks.get(owner, task_id)
        if document is None:
            raise TaskNotFoundError
        return document

    async def _refusal(self, owner: str, task_id: str) -> ProblemError:
        """Tell why nothing was done: the task is not there, or has another revision than was asked for."""
        await self._found(owner, task_id)
        return TaskChangedError()
