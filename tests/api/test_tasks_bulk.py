"""Many tasks at once, and how many there may be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.tasks.repository import new_documents
from tests.api.breaking import post_and_die
from tests.api.dying_writer import HALF_WAY
from tests.api.people import Person, client
from tools.local_stack import LocalStack

QUOTA = 10_000


def test_many_tasks_are_made_in_their_order(anna: Person) -> None:
    titles = [f"task {number}" for number in range(500)]
    answer = anna.gateway.post("/tasks/bulk", json=[{"title": title} for title in titles])
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert [task["title"] for task in made] == titles
    first, rest = (
        anna.gateway.get(f"/tasks?limit=200&sort={sort}") for sort in ("created_at", "-created_at")
    )
    assert first.json() == made[:200]
    assert rest.json() == made[:-201:-1]
    assert first.headers["X-Total-Count"] == "500"


@pytest.mark.parametrize(
    ("position", "task", "pointer"),
    [
        (17, {"title": ""}, "/body/17/title"),
        (499, {"title": "x", "tags": ["a", "\x00"]}, "/body/499/tags/1"),
        (0, {}, "/body/0/title"),
        (3, {"title": "x", "owner": "me"}, "/body/3/owner"),
        (1, None, "/body/1"),
    ],
)
def test_one_wrong_task_and_none_is_made(
    anna: Person, position: int, task: dict[str, Any] | None, pointer: str
) -> None:
    tasks: list[dict[str, Any] | None] = [{"title": "x"} for _ in range(500)]
    tasks[position] = task
    answer = anna.gateway.post("/tasks/bulk", json=tasks)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert anna.titles() == []


@pytest.mark.parametrize(("point", "made"), [(HALF_WAY, 0), ("after the database write", 4)])
def test_a_process_that_dies_over_many_tasks_leaves_none_or_all(
    stack: LocalStack, tmp_path: Path, anna: Person, point: str, made: int
) -> None:
    post_and_die(stack, tmp_path, anna, point, [{"title": "x"}] * 4, path="/tasks/bulk")
    for url in stack.task_urls:
        assert len(anna.titles(url)) == made


@pytest.mark.parametrize("body", [[], [{"title": "x"}] * 501, {"title": "x"}, None])
def test_what_is_no_list_of_1_to_500_tasks_is_refused(anna: Person, body: Any) -> None:
    answer = anna.gateway.post("/tasks/bulk", json=body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/body"}
    assert anna.titles() == []


def test_tasks_are_completed_by_a_filter(anna: Person) -> None:
    home = [anna.add(title, tags=["home"]) for title in ("a", "b")]
    done = anna.add("c", tags=["home"], completed=True)
    other = anna.add("d milk")
    assert len(anna.gateway.get("/tasks?completed=true").json()) == 1
    answer = anna.gateway.patch("/tasks?tag=home", json={"completed": True})
    assert (answer.status_code, answer.json()) == (200, {"updated": 2})
    now = {task["id"]: task for task in anna.gateway.get("/tasks").json()}
    assert now[done["id"]] == done  # it was so before, and nothing of it changed
    assert now[other["id"]] == other
    for task in home:
        changed = now[task["id"]]
        assert changed == {**task, "completed": True, "updated_at": changed["updated_at"]}
        assert anna.gateway.get(task["url"], headers={"If-None-Match": '"1.x"'}).status_code == 200
    assert anna.gateway.patch("/tasks?tag=home", json={"completed": True}).json() == {"updated": 0}
    assert anna.gateway.patch("/tasks?q=milk", json={"completed": True}).json() == {"updated": 1}
    assert anna.gateway.patch("/tasks?completed=false", json={"completed": False}).json() == {"updated": 0}
    assert anna.gateway.patch("/tasks?completed=true", json={"completed": False}).json() == {"updated": 4}
    assert anna.gateway.patch("/tasks", json={"completed": True}).json() == {"updated": 4}


def test_a_change_by_filter_is_a_change_for_who_has_seen_the_task(anna: Person) -> None:
    created = anna.gateway.post("/tasks", json={"title": "a"})
    anna.gateway.patch("/tasks", json={"completed": True})
    headers = {"If-Match": created.headers["ETag"]}
    assert anna.gateway.delete(created.headers["Location"], headers=headers).status_code == 412


def test_a_change_by_filter_reaches_nobody_else(anna: Person, ben: Person) -> None:
    task = anna.add("a")
    assert ben.gateway.patch("/tasks", json={"completed": True}).json() == {"updated": 0}
    assert anna.gateway.get("/tasks").json() == [task]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {}),
        ("", {"completed": None}),
        ("", {"completed": True, "title": "x"}),
        ("?completed=maybe", {"completed": True}),
        ("?tags=home", {"completed": True}),
        ("?limit=10", {"completed": True}),
        ("?sort=order", {"completed": True}),
        ("?priority=low&priority=high", {"completed": True}),
    ],
)
def test_a_change_by_filter_that_is_not_understood_changes_nothing(
    anna: Person, query: str, body: dict[str, Any]
) -> None:
    task = anna.add("a")
    assert anna.gateway.patch(f"/tasks{query}", json=body).status_code == 422
    assert anna.gateway.get("/tasks").json() == [task]


def fill(stack: LocalStack, person: Person, tasks: int) -> None:
    fields = {
        "title": "x",
        "description": "",
        "completed": False,
        "order": None,
        "due_at": None,
        "priority": 1,
        "tags": [],
    }
    with stack.database.admin() as mongodb:
        mongodb["taskyard_tasks"]["tasks"].insert_many(new_documents(person.id, [fields] * tasks))


def test_requests_at_the_same_moment_do_not_pass_the_quota(stack: LocalStack, anna: Person) -> None:
    fill(stack, anna, QUOTA - 50)

    def post(number: int) -> int:
        with client(stack.task_urls[0], headers=anna.headers) as opened:
            key = {"Idempotency-Key": str(number)} if number % 2 else {}
            return opened.post("/tasks/bulk", json=[{"title": "x"}] * 20, headers=key).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(post, range(8))) == [201] * 2 + [409] * 6
    assert anna.gateway.get("/tasks?limit=1").headers["X-Total-Count"] == str(QUOTA - 10)


def test_answers_that_are_kept_have_a_quota_too(stack: LocalStack, anna: Person) -> None:
    def post(key: str, tasks: int) -> httpx.Response:
        body = [{"title": "x"}] * tasks
        return anna.gateway.post("/tasks/bulk", json=body, headers={"Idempotency-Key": key})

    first = post("first", 2)
    with stack.database.admin() as mongodb:
        kept = mongodb["taskyard_tasks"]["idempotency_keys"]
        kept.update_one({"_id.owner": anna.id}, {"$set": {"tasks": QUOTA - 2}})
    refused = post("second", 3)
    assert (refused.status_code, "24 hours" in refused.json()["detail"]) == (409, True)
    assert post("second", 2).status_code == 201
    assert post("first", 2).json() == first.json()
    assert anna.gateway.post("/tasks/bulk", json=[{"title": "x"}] * 3).status_code == 201


def test_nobody_has_more_tasks_than_the_quota(stack: LocalStack, anna: Person, ben: Person) -> None:
    fill(stack, anna, QUOTA - 2)
    refused = anna.gateway.post("/tasks/bulk", json=[{"title": "x"}] * 3)
    assert refused.status_code == 409
    assert str(QUOTA) in refused.json()["detail"]
    key = {"Idempotency-Key": "the-last-one"}
    last = anna.gateway.post("/tasks", json={"title": "last"}, headers=key)
    assert last.status_code == 201
    anna.add("full")
    assert anna.gateway.post("/tasks", json={"title": "more"}).status_code == 409
    assert anna.gateway.post("/tasks", json={"title": "last"}, headers=key).json() == last.json()
    assert anna.gateway.get("/tasks?limit=1").headers["X-Total-Count"] == str(QUOTA)
    ben.add("has room")
    anna.gateway.delete(last.headers["Location"])
    anna.add("more")
