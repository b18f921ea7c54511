"""How MongoDB finds what the repository asks for: the planner's own words about exactly those queries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, get_args

import pytest
from bson import ObjectId
from pydantic import SecretStr

from app.common import mongo
from app.tasks.paging import Cursor, Sort
from app.tasks.queries import TaskQuery
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
