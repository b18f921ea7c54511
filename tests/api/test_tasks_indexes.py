"""How MongoDB finds what the repository asks for: the planner's own words about exactly those queries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from bson import ObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import SecretStr
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from app.common import mongo
from app.common.mongo import Database, Document
from app.tasks.idempotency import Claim, IdempotencyRepository
from app.tasks.paging import Cursor, Sort
from app.tasks.queries import TaskFilter, TaskQuery
from app.tasks.repository import TaskRepository, new_documents
from tools.local_stack import LocalStack

pytestmark = pytest.mark.anyio
FILTERS: list[dict[str, Any]] = [
    {"completed": "true"},
    {"priority": "low"},
    {"tag": ["a"]},
    {"tag": ["a", "b"]},
    {"due_after": "2030-01-01T00:00:00Z"},
    {"due_before": "2030-01-01T00:00:00Z"},
    {"q": "milk"},
    {"q": "milk bread", "completed": "false", "tag": ["a"], "priority": "low"},
]
# An index's bounds may be times that Python does not have.
BOUNDS: CodecOptions[Document] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_AUTO)
HAY: Document = {
    "title": "hay",
    "description": "",
    "completed": False,
    "order": None,
    "due_at": datetime(2025, 1, 1, tzinfo=UTC),
    "priority": 1,
    "tags": ["a"],
}
NEEDLES: list[Document] = [
    {"completed": True},
    {"tags": ["a", "rare"]},
    {"priority": 2},
    {"due_at": datetime(2010, 1, 1, tzinfo=UTC)},
    {"due_at": datetime(2035, 1, 1, tzinfo=UTC)},
    {"title": "needle"},
]
# Filters that find one needle, and the field of the index that they find it by.
SELECTIVE: list[tuple[dict[str, Any], str]] = [
    ({"completed": "true"}, "completed"),
    ({"completed": "true", "tag": ["a"], "due_before": "2030-01-01T00:00:00Z"}, "completed"),
    ({"tag": ["rare"]}, "tags"),
    ({"tag": ["rare"], "completed": "false", "priority": "normal"}, "tags"),
    ({"priority": "high"}, "priority"),
    ({"due_before": "2020-01-01T00:00:00Z"}, "due_at"),
    ({"due_after": "2030-01-01T00:00:00Z"}, "due_at"),
    ({"q": "needle"}, "_fts"),
]


def task(number: int) -> dict[str, Any]:
    return {
        "title": "milk" if number % 2 else "bread",
        "description": "",
        "completed": number % 3 == 0,
        "order": number % 5 or None,
        "due_at": mongo.now() if number % 4 else None,
        "priority": number % 3,
        "tags": ["a", "b"][: number % 3],
    }


@pytest.fixture
async def tasks(stack: LocalStack) -> AsyncIterator[TaskRepository]:
    async with mongo.database(SecretStr(stack.database.uri("tasks"))) as db:
        repository = TaskRepository(db)
        await repository.insert(new_documents("anybody", [task(number) for number in range(200)]))
        yield repository
        await repository.clear("anybody")


def stages(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan
        for part in plan.values():
            yield from stages(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from stages(part)


async def plan(tasks: TaskRepository, query: dict[str, Any]) -> list[dict[str, Any]]:
    explained = await tasks.page("anybody", TaskQuery.model_validate(query)).explain()
    return list(stages(explained["queryPlanner"]["winningPlan"]))


def cursor(sort: Sort, *, null: bool) -> str:
    values = {"priority": 1, "order": None if null else 2, "due_at": None if null else mongo.now()}
    return Cursor(sort, values.get(sort.removeprefix("-"), mongo.now()), ObjectId()).encode()


@pytest.mark.parametrize("sort", get_args(Sort))
@pytest.mark.parametrize("where", ["first page", "a page behind a value", "a page behind null"])
async def test_every_order_is_an_indexs_order(tasks: TaskRepository, sort: Sort, where: str) -> None:
    query: dict[str, Any] = {"sort": sort}
    if where != "first page":
        query["cursor"] = cursor(sort, null=where.endswith("null"))
    used = await plan(tasks, query)
    indexes = [stage["keyPattern"] for stage in used if stage["stage"] == "IXSCAN"]
    assert indexes
    assert all(list(index) == ["owner", sort.removeprefix("-"), "_id"] for index in indexes)
    assert not {"COLLSCAN", "SORT"} & {stage["stage"] for stage in used}


@pytest.mark.parametrize("sort", get_args(Sort))
@pytest.mark.parametrize("given", FILTERS, ids="+".join)
async def test_every_filter_is_answered_from_an_index(
    tasks: TaskRepository, given: dict[str, Any], sort: Sort
) -> None:
    for where in ({}, {"cursor": cursor(sort, null=False)}):
        used = await plan(tasks, {**given, **where, "sort": sort})
        indexes = [stage["keyPattern"] for stage in used if stage["stage"] == "IXSCAN"]
        assert indexes
        assert all(next(iter(index)) == "owner" for index in indexes)
        assert "COLLSCAN" not in {stage["stage"] for stage in used}
        assert ("TEXT_MATCH" in {stage["stage"] for stage in used}) is ("q" in given)


@pytest.mark.parametrize("given", [{"completed": "true"}, {"tag": ["a"]}])
async def test_frequent_filters_need_no_sorting(tasks: TaskRepository, given: dict[str, Any]) -> None:
    assert "SORT" not in {stage["stage"] for stage in await plan(tasks, given)}


class Asked(CommandListener):
    """Remembers what a database is asked, without what the driver adds."""

    def __init__(self) -> None:
        self.commands: list[Document] = []

    def started(self, event: CommandStartedEvent) -> None:
        added = {"$db", "$clusterTime", "$readPreference", "lsid", "txnNumber", "maxTimeMS"}
        self.commands.append({name: value for name, value in event.command.items() if name not in added})

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@dataclass
class Planner:
    db: Database
    asked: Asked

    async def explain(self, call: Awaitable[Any]) -> list[Document]:
        """Return the stages of the command that a repository sends in this call."""
        await call
        explained = await self.db.command(
            "explain", self.asked.commands[-1], verbosity="queryPlanner", codec_options=BOUNDS
        )
        return [stage for plan in winning_plans(explained) for stage in stages(plan)]


def winning_plans(explained: Any) -> Iterator[Document]:
    """A pipeline's plan is one of its stages."""
    if "queryPlanner" in explained:
        yield explained["queryPlanner"]["winningPlan"]
    for stage in explained.get("stages", []):
        yield from winning_plans(stage.get("$cursor", {}))


@pytest.fixture
async def planner(stack: LocalStack) -> AsyncIterator[Planner]:
    asked = Asked()
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        stack.database.uri("tasks"), event_listeners=[asked]
    )
    yield Planner(client.get_default_database(), asked)
    client.close()


@pytest.fixture
async def haystack(planner: Planner, user: str) -> AsyncIterator[TaskRepository]:
    repository = TaskRepository(planner.db)
    needles = [{**HAY, **needle} for needle in NEEDLES]
    await repository.insert(new_documents(user, [*needles, *[HAY] * 1000]))
    yield repository
    await repository.clear(user)


@pytest.mark.parametrize(("given", "found_by"), SELECTIVE)
async def test_what_finds_little_looks_at_little(
    planner: Planner, haystack: TaskRepository, user: str, given: dict[str, Any], found_by: str
) -> None:
    """To list, to count, which is the last of what a further page takes, and to change."""
    completes = given.get("completed") != "true"
    further = {**given, "cursor": cursor(TaskQuery().sort, null=True)}
    for call in (
        haystack.read(user, TaskQuery.model_validate(given), lambda page, _: page),
        haystack.read(user, TaskQuery.model_validate(further), lambda _, total: total),
        haystack.update_all(user, TaskFilter.model_validate(given), completed=completes),
    ):
        used = await planner.explain(call)
        assert {list(stage["keyPattern"])[1] for stage in used if "keyPattern" in stage} == {found_by}
        assert "COLLSCAN" not in {stage["stage"] for stage in used}


async def test_nothing_is_found_by_looking_at_everything(
    planner: Planner, haystack: TaskRepository, user: str
) -> None:
    keys = IdempotencyRepository(planner.db)
    claim = Claim(user, "key", "fingerprint")
    task_id = str(ObjectId())
    for call in (
        haystack.count(user),
        haystack.update_all(user, TaskFilter(), completed=True),
        haystack.get(user, task_id),
        haystack.update(user, task_id, {"completed": True}, [1]),
        haystack.delete(user, task_id, [1]),
        haystack.clear(user),
        keys.find(claim),
        keys.forget(user),
    ):
        used = {stage["stage"] for stage in await planner.explain(call)}
        assert used & {"IXSCAN", "COUNT_SCAN", "IDHACK"}
        assert "COLLSCAN" not in used
