"""Entity tags: what the client has is not sent again, and nobody overwrites what they have not seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.people import Person
from tools.local_stack import LocalStack


def get(person: Person, path: str, etag: str, url: str | None = None) -> httpx.Response:
    client = person.at(url) if url else person.gateway
    return client.get(path, headers={"If-None-Match": etag})


def test_a_list_that_the_client_has_is_not_sent_again(anna: Person) -> None:
    anna.add("a")
    first = anna.gateway.get("/tasks")
    for etag in (first.headers["ETag"], f"W/{first.headers['ETag']}", "*", f'"x", {first.headers["ETag"]}'):
        answer = get(anna, "/tasks", etag)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["X-Cache"] == "HIT"
        for name in ("ETag", "Link", "X-Total-Count", "Cache-Control"):
            assert answer.headers[name] == first.headers[name]
    assert get(anna, "/tasks", '"x"').json() == first.json()


def test_a_list_has_another_tag_after_every_change(anna: Person) -> None:
    seen = {anna.gateway.get("/tasks").headers["ETag"]}
    task = anna.add("a")
    seen.add(anna.gateway.get("/tasks").headers["ETag"])
    anna.gateway.patch(task["url"], json={"completed": True})
    answer = get(anna, "/tasks", ", ".join(seen))
    assert (answer.status_code, answer.headers["X-Cache"]) == (200, "MISS")
    assert answer.headers["ETag"] not in seen
    again = get(anna, "/tasks", answer.headers["ETag"])
    assert again.status_code == 304


def test_a_page_has_another_tag_when_only_the_number_of_tasks_or_what_follows_changes(anna: Person) -> None:
    anna.add("a")
    seen = set()
    for _ in range(3):
        seen.add(anna.gateway.get("/tasks?limit=1").headers["ETag"])
        anna.add("b")
    assert len(seen) == 3


def test_a_task_that_the_client_has_is_not_sent_again(stack: LocalStack, anna: Person) -> None:
    created = anna.gateway.post("/tasks", json={"title": "a"})
    url, etag = created.headers["Location"], created.headers["ETag"]
    path = url.removeprefix(stack.gateway_url)
    for instance in stack.task_urls:  # a tag is the same wherever it is asked for
        answer = get(anna, path, etag, instance)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
    changed = anna.gateway.patch(url, json={"title": "b"})
    assert changed.headers["ETag"] != etag
    answer = get(anna, path, etag)
    assert (answer.status_code, answer.headers["ETag"]) == (200, changed.headers["ETag"])


def test_two_people_cannot_overwrite_each_other(anna: Person) -> None:
    created = anna.gateway.post("/tasks", json={"title": "a"})
    url, seen = created.headers["Location"], {"If-Match": created.headers["ETag"]}
    first = anna.gateway.patch(url, json={"title": "first"}, headers=seen)
    assert first.status_code == 200
    second = anna.gateway.patch(url, json={"title": "second"}, headers=seen)
    assert second.status_code == 412
    assert second.headers["Content-Type"] == "application/problem+json"
    assert anna.gateway.patch(url, json={}, headers=seen).status_code == 412
    assert anna.gateway.delete(url, headers=seen).status_code == 412
    assert anna.gateway.get(url).json() == first.json()
    now = {"If-Match": f'"x", {first.headers["ETag"]}'}
    assert anna.gateway.patch(url, json={}, headers=now).json() == first.json()
    assert anna.gateway.delete(url, headers=now).status_code == 204


def test_of_many_who_saw_the_same_one_changes_it(stack: LocalStack, anna: Person) -> None:
    created = anna.gateway.post("/tasks", json={"title": "a", "order": 0})
    path = created.headers["Location"].removeprefix(stack.gateway_url)
    for url in stack.task_urls:
        anna.at(url)

    def change(number: int) -> int:
        client = anna.at(stack.task_urls[number % 3])
        seen = {"If-Match": created.headers["ETag"]}
        return client.patch(path, json={"order": number}, headers=seen).status_code

    with ThreadPoolExecutor(12) as threads:
        assert sorted(threads.map(change, range(12))) == [200] + [412] * 11


@pytest.mark.parametrize(
    ("condition", "status"),
    [("*", 200), ('"x"', 412), ('""', 412), ("W/ETAG", 412), ("ETAG, W/ETAG", 200), ('"1.00000000"', 412)],
)
def test_only_strong_tags_of_the_task_let_a_change_pass(anna: Person, condition: str, status: int) -> None:
    created = anna.gateway.post("/tasks", json={"title": "a"})
    headers = {"If-Match": condition.replace("ETAG", created.headers["ETag"])}
    answer = anna.gateway.patch(created.headers["Location"], json={"title": "b"}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("condition", ["*", '"1.x"'])
def test_what_is_not_there_is_not_found_whatever_the_condition(anna: Person, condition: str) -> None:
    url = anna.add("a")["url"]
    anna.gateway.delete(url)
    headers = {"If-Match": condition}
    assert anna.gateway.patch(url, json={"title": "b"}, headers=headers).status_code == 404
    assert anna.gateway.patch(url, json={}, headers=headers).status_code == 404
    assert anna.gateway.delete(url, headers=headers).status_code == 404


def test_a_condition_tells_nobody_about_anothers_task(anna: Person, ben: Person) -> None:
    created = anna.gateway.post("/tasks", json={"title": "a"})
    for etag in (created.headers["ETag"], '"x"', "*"):
        answer = ben.gateway.delete(created.headers["Location"], headers={"If-Match": etag})
        assert answer.status_code == 404
        assert get(ben, created.headers["Location"], etag).status_code == 404


@pytest.mark.parametrize(("name", "value"), [("If-Match", "*"), ("If-Unmodified-Since", "x")])
def test_a_condition_for_a_whole_list_is_refused_not_overlooked(anna: Person, name: str, value: str) -> None:
    task = anna.add("a")
    for method, body in (("DELETE", None), ("PATCH", {"completed": True})):
        answer = anna.gateway.request(method, "/tasks", json=body, headers={name: value})
        assert answer.status_code == 400
        assert "one by one" in answer.json()["detail"]
    assert anna.gateway.get("/tasks").json() == [task]


def test_a_condition_that_cannot_be_read_is_refused(anna: Person) -> None:
    url = anna.add("a")["url"]
    for name, method, where in (
        ("If-None-Match", "GET", "/tasks"),
        ("If-None-Match", "GET", url),
        ("If-Match", "PATCH", url),
        ("If-Match", "DELETE", url),
    ):
        body = {"title": "b"} if method == "PATCH" else None
        answer = anna.gateway.request(method, where, json=body, headers={name: "1"})
        assert answer.status_code == 400
        assert name in answer.json()["detail"]
    assert anna.titles() == ["a"]
