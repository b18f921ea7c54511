from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.people import Person
from tools.local_stack import LocalStack

UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_a_new_task_has_every_field_and_says_where_it_is(stack: LocalStack, anna: Person) -> None:
    answer = anna.gateway.post("/tasks", json={"title": "Buy milk"})
    assert answer.status_code == 201
    task = answer.json()
    assert answer.headers["Location"] == task["url"] == f"{stack.gateway_url}/tasks/{task['id']}"
    assert task.pop("created_at") == task.pop("updated_at")
    assert task == {
        "id": task["id"],
        "url": task["url"],
        "title": "Buy milk",
        "description": "",
        "completed": False,
        "order": None,
        "due_at": None,
        "priority": "normal",
        "tags": [],
    }


def test_what_is_stored_is_what_is_read_back(anna: Person) -> None:
    fields: dict[str, Any] = {
        "title": "Größer ☃ 🎉",
        "description": "two\nlines\tand a tab",
        "completed": True,
        "order": -(2**53) + 1,
        "due_at": "2030-06-01T12:00:00.123456+02:00",
        "priority": "high",
        "tags": ["home", "a b"],
    }
    task = anna.add(**fields)
    assert task["due_at"] == "2030-06-01T10:00:00.123000Z"
    assert {**fields, "due_at": task["due_at"]}.items() <= task.items()
    assert UTC_TIME.fullmatch(task["created_at"])
    assert anna.gateway.get(task["url"]).json() == task
    assert anna.gateway.get("/tasks").json() == [task]


def test_the_list_is_in_the_order_of_creation_whoever_created(stack: LocalStack, anna: Person) -> None:
    expected = [f"task {number}" for number in range(9)]
    for number, title in enumerate(expected):
        anna.add(title, stack.task_urls[number % 3])
    answer = anna.gateway.get("/tasks")
    assert [task["title"] for task in answer.json()] == expected
    assert answer.headers["X-Total-Count"] == "9"


def test_a_patch_changes_what_it_names_and_nothing_else(anna: Person) -> None:
    task = anna.add("before", description="stays", due_at="2030-01-01T00:00:00Z", order=3, tags=["a"])
    answer = anna.gateway.patch(task["url"], json={"title": "after", "due_at": None})
    assert answer.status_code == 200
    changed = answer.json()
    assert changed["updated_at"] >= task["updated_at"]
    assert changed == {**task, "title": "after", "due_at": None, "updated_at": changed["updated_at"]}
    assert anna.gateway.get(task["url"]).json() == changed


def test_an_empty_patch_changes_nothing(anna: Person) -> None:
    task = anna.add("same")
    assert anna.gateway.patch(task["url"], json={}).json() == task


@pytest.mark.parametrize("name", ["title", "description", "completed", "priority", "tags"])
def test_a_patch_cannot_take_a_needed_field_away(anna: Person, name: str) -> None:
    task = anna.add("stays", description="stays", tags=["a"])
    assert anna.gateway.patch(task["url"], json={name: None}).status_code == 422
    assert anna.gateway.get(task["url"]).json() == task


def test_a_deleted_task_is_gone(anna: Person) -> None:
    task = anna.add("gone")
    answer = anna.gateway.delete(task["url"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert anna.gateway.get(task["url"]).status_code == 404
    assert anna.gateway.delete(task["url"]).status_code == 404
    assert anna.titles() == []


def test_clearing_the_list_leaves_nothing_and_can_be_repeated(anna: Person) -> None:
    for title in ("a", "b"):
        anna.add(title)
    assert anna.gateway.delete("/tasks").status_code == 204
    assert anna.titles() == []
    assert anna.gateway.delete("/tasks").status_code == 204


def test_nobody_reaches_anothers_task(anna: Person, ben: Person) -> None:
    task = anna.add("private")
    path = f"/tasks/{task['id']}"
    for answer in (
        ben.gateway.get(path),
        ben.gateway.patch(path, json={"title": "stolen"}),
        ben.gateway.patch(path, json={}),
        ben.gateway.delete(path),
    ):
        assert answer.status_code == 404
        assert "private" not in answer.text
    ben.gateway.delete("/tasks")
    assert ben.titles() == []
    assert anna.gateway.get("/tasks").json() == [task]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "task_id", ["0123456789abcdef01234567", "1", "x" * 24, "A" * 24, "%0a", "..%2f", "0" * 2000]
)
def test_an_id_that_names_nothing_is_not_found(anna: Person, method: str, task_id: str) -> None:
    body = {"title": "x"} if method == "PATCH" else None
    answer = anna.gateway.request(method, f"/tasks/{task_id}", json=body)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
