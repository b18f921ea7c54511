"""Idempotency keys: a request that is sent again is not done again, whatever happened to its first answer."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId

from app.common.mongo import now
from app.tasks.idempotency import KEPT_SECONDS
from tests.api.breaking import post_and_die
from tests.api.conftest import PATIENCE_SECONDS
from tests.api.dying_writer import HALF_WAY
from tests.api.people import Person
from tools.local_stack import LocalStack, wait_until_ready

TASK: dict[str, Any] = {"title": "once", "due_at": "2030-01-01T00:00:00Z", "tags": ["a"]}
REQUESTS: list[tuple[str, Any, int]] = [("/tasks", TASK, 1), ("/tasks/bulk", [TASK, TASK, TASK], 3)]


def post(
    person: Person, key: str, path: str = "/tasks", body: Any = TASK, url: str | None = None
) -> httpx.Response:
    client = person.at(url) if url else person.gateway
    return client.post(path, json=body, headers={"Idempotency-Key": key})


def new_key() -> str:
    return str(ObjectId())


@pytest.mark.parametrize(("path", "body", "tasks"), REQUESTS)
def test_the_same_key_gets_the_same_answer(anna: Person, path: str, body: Any, tasks: int) -> None:
    key = new_key()
    first = post(anna, key, path, body)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    for _ in range(3):
        again = post(anna, f'"{key}"', path, body)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotency-Replayed"] == "true"
        for name in ("Location", "ETag", "Content-Type"):
            assert again.headers.get(name) == first.headers.get(name)
    assert len(anna.titles()) == tasks
    anna.gateway.delete("/tasks")  # the answer is what was done then, not what is there now
    assert post(anna, key, path, body).content == first.content
    assert anna.titles() == []


def test_the_same_content_is_the_same_request_however_it_is_written(anna: Person) -> None:
    key = new_key()
    first = post(anna, key)
    written = {"tags": ["a "], "priority": "normal", "due_at": "2030-01-01T01:00:00+01:00", "title": " once"}
    assert post(anna, key, body=written).content == first.content
    assert len(anna.titles()) == 1


def test_another_request_under_the_same_key_is_refused(anna: Person) -> None:
    key = new_key()
    post(anna, key)
    for path, body in (("/tasks", {**TASK, "title": "other"}), ("/tasks/bulk", [TASK])):
        answer = post(anna, key, path, body)
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["detail"]
    assert anna.titles() == ["once"]


def test_other_keys_no_keys_and_other_people_are_independent(anna: Person, ben: Person) -> None:
    key = new_key()
    locations = {post(person, key).headers["Location"] for person in (anna, ben)}
    locations.add(post(anna, new_key()).headers["Location"])
    locations |= {anna.add(**TASK)["url"] for _ in range(2)}
    assert len(locations) == 5
    assert (len(anna.titles()), len(ben.titles())) == (4, 1)


def test_a_request_that_was_refused_leaves_its_key_free(anna: Person) -> None:
    key = new_key()
    assert post(anna, key, body={"title": ""}).status_code == 422
    assert post(anna, key, "/tasks/bulk", [TASK, {}]).status_code == 422
    answer = post(anna, key)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, '"a', "ä", "a\\"])
def test_what_is_no_key_is_refused(anna: Person, key: str) -> None:
    answer = anna.gateway.post("/tasks", json=TASK, headers=[(b"Idempotency-Key", key.encode())])
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]
    assert anna.titles() == []


@pytest.mark.parametrize(("path", "body", "tasks"), REQUESTS)
def test_the_same_request_on_all_instances_at_once_is_done_once(
    stack: LocalStack, anna: Person, path: str, body: Any, tasks: int
) -> None:
    key = new_key()
    for url in stack.task_urls:
        anna.at(url)

    def ask(number: int) -> httpx.Response:
        return post(anna, key, path, body, stack.task_urls[number % 3])

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(anna.titles()) == tasks


def test_of_different_requests_under_one_key_at_once_one_is_done(stack: LocalStack, anna: Person) -> None:
    key = new_key()
    for url in stack.task_urls:
        anna.at(url)

    def ask(number: int) -> httpx.Response:
        return post(anna, key, body={"title": str(number)}, url=stack.task_urls[number % 3])

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, range(20)))
    (made,) = (answer for answer in answers if answer.status_code == 201)
    assert sum(answer.status_code == 422 for answer in answers) == 19
    assert anna.gateway.get("/tasks").json() == [made.json()]


def test_an_answer_is_kept_for_a_day(stack: LocalStack) -> None:
    with stack.database.admin() as mongodb:
        indexes = mongodb["taskyard_tasks"]["idempotency_keys"].index_information()
    assert indexes["created_at_1"]["expireAfterSeconds"] == KEPT_SECONDS == 86400


def test_a_key_is_free_again_after_a_day(stack: LocalStack, anna: Person) -> None:
    old, young = new_key(), new_key()
    given = [post(anna, key).json() for key in (old, young)]
    with stack.database.admin() as mongodb:
        keys = mongodb["taskyard_tasks"]["idempotency_keys"]
        for key, age in ((old, KEPT_SECONDS + 1), (young, KEPT_SECONDS - 600)):
            earlier = {"$subtract": ["$created_at", age * 1000]}
            keys.update_one({"_id": {"owner": anna.id, "key": key}}, [{"$set": {"created_at": earlier}}])
        expired = now() - timedelta(seconds=KEPT_SECONDS)
        keys.delete_many({"created_at": {"$lt": expired}})  # as the index does once a minute
    assert "Idempotency-Replayed" in post(anna, young).headers
    again = post(anna, old)
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again.headers
    assert anna.gateway.get("/tasks").json() == [*given, again.json()]


def post_until_done(
    person: Person, key: str, path: str, body: Any, url: str
) -> tuple[httpx.Response, list[httpx.Response]]:
    """Ask again as a client should that got no answer, or 503: the answer, and the refusals before it."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    refusals = []
    while (answer := post(person, key, path, body, url)).status_code == 503:
        assert time.monotonic() < give_up
        assert answer.headers["Retry-After"]
        refusals.append(answer)
    return answer, refusals


@pytest.mark.parametrize(("path", "body", "tasks"), REQUESTS * 4)
def test_a_retry_after_a_crash_never_makes_a_second_task(
    faults: LocalStack, anna: Person, path: str, body: Any, tasks: int
) -> None:
    key, (dying, other, _) = new_key(), faults.task_urls
    anna.at(dying).get("/healthz")  # the connection is there

    def lose() -> None:
        with contextlib.suppress(httpx.TransportError):
            post(anna, key, path, body, dying)

    request = threading.Thread(target=lose)
    request.start()
    time.sleep(random.uniform(0, 0.015))  # whenever it dies, the outcome has to be the same
    faults.tasks[0].kill()
    request.join()
    answer, _ = post_until_done(anna, key, path, body, other)
    assert answer.status_code == 201
    made = answer.json() if isinstance(answer.json(), list) else [answer.json()]
    assert len(made) == tasks
    assert anna.at(other).get("/tasks").json() == made
    faults.tasks[0].start()
    wait_until_ready(dying, faults.tasks[0])
    assert post(anna, key, path, body, dying).json() == answer.json()
    assert anna.at(dying).get("/tasks").json() == made


@pytest.mark.parametrize("request_and_tasks", REQUESTS)
@pytest.mark.parametrize("point", [HALF_WAY, "after the database write"])
def test_a_retry_elsewhere_ends_what_a_dead_process_began_or_tells_what_it_did(
    stack: LocalStack, tmp_path: Path, anna: Person, request_and_tasks: tuple[str, Any, int], point: str
) -> None:
    (path, body, tasks), done = request_and_tasks, point != HALF_WAY
    key = new_key()
    post_and_die(stack, tmp_path, anna, point, body, path=path, **{"Idempotency-Key": key})
    assert len(anna.titles()) == (tasks if done else 0)
    answer, refusals = post_until_done(anna, key, path, body, stack.task_urls[0])
    assert answer.status_code == 201
    # What was refused because the database took too long may have been done all the same; then that is told.
    if done or not refusals:
        assert ("Idempotency-Replayed" in answer.headers) is done
    again = post(anna, key, path, body, stack.task_urls[1])
    assert (again.content, again.headers["Idempotency-Replayed"]) == (answer.content, "true")
    made = answer.json() if isinstance(answer.json(), list) else [answer.json()]
    assert len(made) == tasks
    assert anna.gateway.get("/tasks").json() == made


def test_a_transaction_that_a_dead_process_left_open_only_delays_the_retry(
    stack: LocalStack, anna: Person
) -> None:
    key = new_key()
    with stack.database.admin() as dead, dead.start_session() as session:
        session.start_transaction()
        keys = dead["taskyard_tasks"]["idempotency_keys"]
        keys.insert_one({"_id": {"owner": anna.id, "key": key}}, session=session)
        answer, refusals = post_until_done(anna, key, "/tasks", TASK, stack.task_urls[0])
        assert answer.status_code == 201
        assert "Idempotency-Replayed" not in answer.headers or refusals
        assert anna.gateway.get("/tasks").json() == [answer.json()]
        with contextlib.suppress(Exception):  # the server has ended it
            session.abort_transaction()
