"""No input makes a service answer 500, and every refusal is a problem document."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import httpx
import pytest

from tests.api.people import Person, client
from tools.local_stack import LocalStack

MIB = 1024 * 1024

RAW = {
    "nothing": (b"", 422),
    "no JSON": (b"{", 400),
    "invalid UTF-8": (b'{"title": "\xff\xfe"}', 400),
    "UTF-16": ('{"title": "x"}'.encode("utf-16"), 400),
    "UTF-16 without a mark": ('{"title": "x"}'.encode("utf-16-le"), 400),
    "a byte order mark": (b'\xef\xbb\xbf{"title": "x"}', 400),
    "a surrogate's own bytes": (b'{"title": "\xed\xa0\x80"}', 400),
    "one name twice": (b'{"title": "x", "title": "y"}', 400),
    "one name twice, written in two ways": (rb'{"title": "x", "\u0074itle": "x"}', 400),
    "one name twice, deep inside": (b'{"title": "x", "tags": [{"a": 1, "a": 2}]}', 400),
    "a lone surrogate twice": (rb'{"\ud800": 1, "\ud800": 2}', 400),
    "infinity": (b'{"title": "x", "order": -Infinity}', 400),
    "a comment": (b'{"title": "x" /* y */}', 400),
    "more after the end": (b'{"title": "x"} {}', 400),
    "a raw line end in a text": (b'{"title": "x\ny"}', 400),
    "a lone surrogate": (rb'{"title": "\ud800"}', 422),
    "a lone surrogate as a name": (rb'{"title": "x", "\ud800": 1}', 422),
    "a lone surrogate in a tag": (rb'{"title": "x", "tags": ["\udfff"]}', 422),
    "nested too deeply": (b'{"title": ' + b"[" * 200_000, 400),
    "a number of 5000 digits": (b'{"title": "x", "order": ' + b"9" * 5000 + b"}", 400),
    "a number beyond 64 bits": (b'{"title": "x", "order": 9223372036854775808}', 422),
    "a number beyond doubles": (b'{"title": "x", "order": 1e999}', 422),
    "not a number": (b'{"title": "x", "order": NaN}', 400),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "text": (b'"title"', 422),
    "an operator as a name": (b'{"title": "x", "$where": "1"}', 422),
    "a prototype as a name": (b'{"title": "x", "__proto__": {"admin": true}}', 422),
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
    "order as a whole number with a point": ({"title": "x", "order": -2.0}, 201),
    "order as a large whole number with a point": ({"title": "x", "order": 1e300}, 422),
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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"title": "x", "title": "y"}', 'the body has "title" twice'),
        (b'{"title": "x", "order": NaN}', "the body is not valid JSON: NaN is not a number"),
        (b'{"title": "\xff"}', "the body is not valid JSON: it is not UTF-8"),
        (b'{"title": ', "the body is not valid JSON: Expecting value (line 1, column 11)"),
        (b"[" * 200_000, "the body is not valid JSON: it is nested too deeply"),
        (b"9" * 5000, "the body is not valid JSON: a number has too many digits"),
        (
            json.dumps([dict.fromkeys(map(str, range(101)))] * 100).encode(),
            "the body has more than 10000 members",
        ),
    ],
)
def test_what_is_wrong_with_the_json_is_said(anna: Person, body: bytes, said: str) -> None:
    answer = anna.gateway.post("/tasks", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["detail"] == said


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "a/b/c"])
def test_a_body_that_is_not_called_json_is_refused(anna: Person, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    task = anna.add("stays")
    for method, url, hint, accepted in (
        ("POST", "/tasks", "Accept-Post", "application/json"),
        ("PATCH", task["url"], "Accept-Patch", "application/json, application/merge-patch+json"),
    ):
        answer = anna.gateway.request(method, url, content=b'{"title": "x"}', headers=headers)
        assert answer.status_code == 415
        assert answer.headers[hint] == accepted
        is_problem(answer)
    assert anna.titles() == ["stays"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"],
)
def test_a_body_that_is_called_json_in_another_way_is_taken(anna: Person, content_type: str) -> None:
    task = anna.add("x")
    answer = anna.gateway.patch(
        task["url"], content=b'{"title": "y"}', headers={"Content-Type": content_type}
    )
    assert answer.json()["title"] == "y"


def test_a_compressed_body_is_refused(anna: Person) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = anna.gateway.post("/tasks", content=gzip.compress(b'{"title": "x"}'), headers=headers)
    assert answer.status_code == 415
    assert answer.headers["Accept-Encoding"] == "identity"
    is_problem(answer)


def test_signing_in_takes_a_form_and_nothing_else(anna: Person) -> None:
    credentials = {"username": "a@example.com", "password": "correct horse"}
    for answer in (
        anna.gateway.post("/auth/login", json=credentials),
        anna.gateway.post("/auth/login", files={"username": b"a@example.com", "password": b"x"}),
    ):
        assert answer.status_code == 415
        assert answer.headers["Accept-Post"] == "application/x-www-form-urlencoded"
        is_problem(answer)
    twice = anna.gateway.post("/auth/login", data={"username": ["a@example.com", "b@example.com"]})
    assert (twice.status_code, twice.json()["detail"]) == (400, 'the body has "username" twice')


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f469\u200d\U0001f4bb\U0001f3fd",
        "\u05e9\u05dc\u05d5\u05dd \u202eabc\u202c",
        "e\u0301 \u00e9",
        "\ufeffx\U0010ffff",
    ],
    ids=["emoji of several characters", "right to left", "combining and composed", "marks and the last one"],
)
def test_a_text_comes_back_byte_for_byte(anna: Person, text: str) -> None:
    task = anna.add(text, description=text, tags=[text])
    for answer in (anna.gateway.get(task["url"]).json(), anna.gateway.get("/tasks").json()[0]):
        assert [answer["title"], answer["description"], *answer["tags"]] == [text] * 3


@pytest.mark.parametrize("where", ["gateway", "instance"])
def test_a_body_beyond_a_mebibyte_is_refused(stack: LocalStack, anna: Person, where: str) -> None:
    url = stack.gateway_url if where == "gateway" else stack.task_urls[0]
    for size in (MIB, 10 * MIB):
        body = json.dumps({"title": "x", "description": "x" * size}).encode()
        answer = client(url, headers=anna.headers).post(
            "/tasks", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
        is_problem(answer)


def test_a_body_without_a_length_is_counted_as_it_arrives(stack: LocalStack, anna: Person) -> None:
    chunks = (b" " * 65536 for _ in range(20))
    answer = anna.at(stack.task_urls[0]).post(
        "/tasks", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    is_problem(answer)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/nope", "/tasks/", "/auth", "/tasks/a/b", "/auth/%ff", "/tasks%20", "/tasks%0a"),
        *("/auth/me%0a", "/docs/assets/..%2froutes.py", "/docs/assets/%2e%2e%2froutes.py", "/docs%0a"),
    ],
)
def test_an_unknown_path_is_a_problem_document(stack: LocalStack, anna: Person, path: str) -> None:
    for url in (stack.gateway_url, stack.task_urls[0], stack.auth_url):
        answer = anna.at(url).get(path)
        assert answer.status_code == 404, (url, answer.text)
        is_problem(answer)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/tasks", "DELETE, GET, HEAD, PATCH, POST"),
        ("/tasks/bulk", "POST"),
        (f"/tasks/{'0' * 24}", "DELETE, GET, HEAD, PATCH"),
        ("/auth/login", "POST"),
        ("/docs", "GET, HEAD"),
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


@pytest.mark.parametrize("path", ["/tasks", "/auth/me", "/tasks/nope", "/docs", "/healthz", "/auth/login"])
@pytest.mark.parametrize("where", ["gateway", "instance"])
def test_head_is_answered_like_get_without_the_body(
    stack: LocalStack, anna: Person, path: str, where: str
) -> None:
    instance = stack.task_urls[0] if path.startswith("/tasks") else stack.auth_url
    url = stack.gateway_url if where == "gateway" else instance
    anna.add("a")
    anna.titles()  # from here on the list comes from Redis
    get, head = anna.at(url).get(path), anna.at(url).head(path)
    changing = {"date", "server-timing", "x-request-id", "x-served-by"}
    assert head.status_code == get.status_code
    assert head.content == b""
    if get.status_code < 400:  # a problem document names its request, of which no two are the same
        assert {**head.headers, **dict.fromkeys(changing)} == {**get.headers, **dict.fromkeys(changing)}


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "FOO"])
def test_a_method_that_nobody_knows_is_a_problem_document(anna: Person, method: str) -> None:
    answer = anna.gateway.request(method, "/tasks")
    assert answer.status_code in {400, 405}
    is_problem(answer)


@pytest.mark.parametrize("path", ["/tasks/%00", "/tasks/..%2f..%2fetc%2fpasswd"])
def test_nul_and_what_climbs_above_the_root_are_refused(stack: LocalStack, anna: Person, path: str) -> None:
    assert anna.at(stack.task_urls[0]).get(path).status_code == 404
    answer = anna.gateway.get(path)
    assert answer.status_code == 400  # Nginx does not pass it on
    is_problem(answer)


@pytest.mark.parametrize(
    "request_line",
    [b"nonsense\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"\x00" * 2000],
)
def test_what_is_no_http_is_refused_and_the_instance_goes_on(
    stack: LocalStack, anna: Person, request_line: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", stack.ports.tasks[0]), timeout=10) as connection:
        connection.sendall(request_line)
        head, _, body = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"content-type: application/problem+json" in head
        assert json.loads(body)["status"] == 400
    assert anna.at(stack.task_urls[0]).get("/healthz").status_code == 200
