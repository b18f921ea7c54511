"""No input makes a service answer 500, and every refusal is a problem document."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from tests.api.people import Person
from tools.local_stack import LocalStack

MIB = 1024 * 1024

RAW = {
    "nothing": (b"", 422),
    "no JSON": (b"{", 400),
    "invalid UTF-8": (b'{"title": "\xff\xfe"}', 400),
    "UTF-16": ('{"title": "x"}'.encode("utf-16"), 201),
    "a lone surrogate": (rb'{"title": "\ud800"}', 422),
    "a lone surrogate as a name": (rb'{"title": "x", "\ud800": 1}', 422),
    "a lone surrogate in a tag": (rb'{"title": "x", "tags": ["\udfff"]}', 422),
    "nested too deeply": (b'{"title": ' + b"[" * 200_000, 400),
    "a number of 5000 digits": (b'{"title": "x", "order": ' + b"9" * 5000 + b"}", 400),
    "a number beyond 64 bits": (b'{"title": "x", "order": 9223372036854775808}', 422),
    "a number beyond doubles": (b'{"title": "x", "order": 1e999}', 422),
    "not a number": (b'{"title": "x", "order": NaN}', 422),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "text": (b'"title"', 422),
    "an operator as a name": (b'{"title": "x", "$where": "1"}', 422),
    "many unknown names": (json.dumps({str(number): 1 for number in range(10_000)}).encode(), 422),
}

FIELDS: dict[str, tuple[dict[str, Any], int]] = {
    "no title": ({"description": "x"}, 422),
    "an empty title": ({"title": ""}, 422),
    "a blank title": ({"title": " \t "}, 422),
    "a title of 201": ({"title": "x" * 201}, 422),
    "a title of 200": ({"title": "x" * 200}, 201),
    "NUL in the title": ({"title": "a\x00b"}, 422),
    "a line end in the title": ({"title": "a\nb"}, 422),
    "a C1 control in the title": ({"title": "a\x9bb"}, 422),
    "a number as title": ({"title": 1}, 422),
    "an object as title": ({"title": {"$gt": ""}}, 422),
    "a description of 10 001": ({"title": "x", "description": "x" * 10_001}, 422),
    "a description of 10 000": ({"title": "x", "description": "x" * 10_000}, 201),
    "NUL in the description": ({"title": "x", "description": "\x00"}, 422),
    "completed as text": ({"title": "x", "completed": "true"}, 422),
    "completed as number": ({"title": "x", "completed": 1}, 422),
    "order as text": ({"title": "x", "order": "1"}, 422),
    "order as truth": ({"title": "x", "order": True}, 422),
    "order as fraction": ({"title": "x", "order": 1.5}, 422),
    "order as a whole number with a point": ({"title": "x", "order": 1.0}, 201),
    "order at the limit": ({"title": "x", "order": 2**53 - 1}, 201),
    "order beyond the limit": ({"title": "x", "order": 2**53}, 422),
    "due_at without offset": ({"title": "x", "due_at": "2030-01-01T00:00:00"}, 422),
    "due_at as number": ({"title": "x", "due_at": 1_900_000_000}, 422),
    "due_at as date": ({"title": "x", "due_at": "2030-01-01"}, 422),
    "due_at on no day": ({"title": "x", "due_at": "2030-02-30T00:00:00Z"}, 422),
    "due_at before the year 1": ({"title": "x", "due_at": "0001-01-01T00:00:00+14:00"}, 422),
    "due_at after the year 9999": ({"title": "x", "due_at": "9999-12-31T23:59:59-14:00"}, 422),
    "due_at at the ends of time": ({"title": "x", "due_at": "9999-12-31T23:59:59.999Z"}, 201),
    "due_at at its beginning": ({"title": "x", "due_at": "0001-01-01T00:00:00Z"}, 201),
    "an unknown priority": ({"title": "x", "priority": "urgent"}, 422),
    "priority null": ({"title": "x", "priority": None}, 422),
    "21 tags": ({"title": "x", "tags": ["t"] * 21}, 422),
    "a long tag": ({"title": "x", "tags": ["t" * 51]}, 422),
    "an empty tag": ({"title": "x", "tags": [""]}, 422),
    "NUL in a tag": ({"title": "x", "tags": ["\x00"]}, 422),
    "tags as text": ({"title": "x", "tags": "abc"}, 422),
    "an id of one's own": ({"title": "x", "id": "1"}, 422),
    "an owner": ({"title": "x", "owner": "somebody"}, 422),
}


def is_problem(answer: httpx.Response) -> None:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert {"type", "title", "detail"} <= problem.keys()
    if answer.status_code == 422:
        assert all(error["pointer"].startswith("/") and error["detail"] for error in problem["errors"])


@pytest.mark.parametrize("name", RAW)
def test_a_body_that_is_no_task_is_refused(anna: Person, name: str) -> None:
    content, status = RAW[name]
    answer = anna.gateway.post("/tasks", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text[:300]
    if status >= 400:
        is_problem(answer)
        assert anna.titles() == []


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_checked_on_creation(anna: Person, name: str) -> None:
    body, status = FIELDS[name]
    answer = anna.gateway.post("/tasks", json=body)
    assert answer.status_code == status, answer.text
    if status >= 400:
        is_problem(answer)
        assert anna.titles() == []
    else:
        assert anna.gateway.get(answer.headers["Location"]).json() == answer.json()


@pytest.mark.parametrize(
    "name", [name for name, (_, status) in FIELDS.items() if status == 422 and name != "no title"]
)
def test_fields_are_checked_on_change(anna: Person, name: str) -> None:
    task = anna.add("stays")
    is_problem(anna.gateway.patch(task["url"], json=FIELDS[name][0]))
    assert anna.gateway.get(task["url"]).json() == task


def test_a_refusal_points_at_what_is_wrong(anna: Person) -> None:
    answer = anna.gateway.post("/tasks", json={"title": "x", "tags": ["ok", ""], "a/b~c": 1})
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/body/tags/1", "/body/a~1b~0c"}


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "a/b/c"])
def test_a_body_that_is_not_called_json_is_refused(anna: Person, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = anna.gateway.post("/tasks", content=b'{"title": "x"}', headers=headers)
    assert answer.status_code == 422
    is_problem(answer)


@pytest.mark.parametrize("where", ["gateway", "instance"])
def test_a_body_beyond_a_mebibyte_is_refused(stack: LocalStack, anna: Person, where: str) -> None:
    url = stack.gateway_url if where == "gateway" else stack.task_urls[0]
    body = json.dumps({"title": "x", "description": "x" * MIB}).encode()
    answer = anna.at(url).post("/tasks", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    is_problem(answer)


def test_a_body_without_a_length_is_counted_as_it_arrives(stack: LocalStack, anna: Person) -> None:
    chunks = (b" " * 65536 for _ in range(20))
    answer = anna.at(stack.task_urls[0]).post(
        "/tasks", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    is_problem(answer)


@pytest.mark.parametrize("path", ["/", "/nope", "/tasks/", "/auth", "/tasks/a/b", "/auth/%ff", "/tasks%20"])
def test_an_unknown_path_is_a_problem_document(stack: LocalStack, anna: Person, path: str) -> None:
    for url in (stack.gateway_url, stack.task_urls[0], stack.auth_url):
        answer = anna.at(url).get(path)
        assert answer.status_code == 404, (url, answer.text)
        is_problem(answer)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/tasks", "DELETE, GET, PATCH, POST"),
        ("/tasks/bulk", "POST"),
        (f"/tasks/{'0' * 24}", "DELETE, GET, PATCH"),
        ("/auth/login", "POST"),
    ],
)
def test_a_method_that_is_not_there_is_answered_with_those_that_are(
    anna: Person, path: str, allowed: str
) -> None:
    for method in ("PUT", "OPTIONS"):
        answer = anna.gateway.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == allowed
        is_problem(answer)


def test_nul_in_a_path_is_refused(stack: LocalStack, anna: Person) -> None:
    assert anna.at(stack.task_urls[0]).get("/tasks/%00").status_code == 404
    answer = anna.gateway.get("/tasks/%00")
    assert answer.status_code == 400  # Nginx does not pass it on
    is_problem(answer)


@pytest.mark.parametrize("request_line", [b"nonsense\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"\x00" * 2000])
def test_what_is_no_http_is_refused_and_the_instance_goes_on(
    stack: LocalStack, anna: Person, request_line: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", stack.ports.tasks[0]), timeout=10) as connection:
        connection.sendall(request_line)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert anna.at(stack.task_urls[0]).get("/healthz").status_code == 200
