"""No input makes auth answer 500 either: the bodies that are no task are no account, and more of its own."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from tests.api.accounts import PASSWORD, bearer, sign_up
from tests.api.people import Person
from tests.api.test_bad_input import MIB, RAW, is_problem
from tools.local_stack import LocalStack

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ROUTES: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/auth/register"): {"email": "x@example.com", "password": PASSWORD},
    ("POST", "/auth/refresh"): {"refresh_token": "a.b"},
    ("PATCH", "/auth/me"): {"email": "x@example.com", "password": PASSWORD, "current_password": PASSWORD},
}
FIELDS = [(*route, field) for route, body in ROUTES.items() for field in body]
NO_TEXT = [None, 1, 1.5, True, [], ["a"], {}, {"$gt": ""}]

FORMS = {
    "nothing but separators": (b"&&;&=", 422),
    "no names": (b"=a&=b", 400),
    "no value": (b"username&password", 422),
    "empty values": (b"username=&password=", 422),
    "JSON": (b'{"username": "a", "password": "b"}', 422),
    "an operator in the name": (b"username[$ne]=a&password[$gt]=", 422),
    "lists": (b"username[]=a&password[]=b", 422),
    "one name twice, written in two ways": (b"username=a&password=b&%75sername=c", 400),
    "nothing that is UTF-8": (b"\xff\xfe\x00=\xff", 422),
    "invalid UTF-8": (b"username=\xff\xfe&password=\xff", 401),
    "a surrogate's own bytes": (b"username=%ED%A0%80&password=%ED%A0%80", 401),
    "NUL": (b"username=%00&password=%00", 401),
    "line ends": (b"username=a%0d%0ab@example.com&password=%0a", 401),
    "half an escape": (b"username=%&password=%f", 401),
    "an operator in the value": (b'username={"$gt": ""}&password={"$gt": ""}', 401),
    "an address of 500 000": (b"username=" + b"x" * 500_000 + b"@example.com&password=a", 401),
    "an address of many marks": (b"username=a" + b"%CC%81%CC%A7" * 80_000 + b"@example.com&password=a", 401),
    "a domain of many labels": (b"username=a@" + b"b." * 100_000 + b"c&password=a", 401),
    "a domain that is no name": (b"username=a@xn--%ff&password=a", 401),
    "many unknown names": (b"&".join(b"%d=" % number for number in range(10_000)), 400),
    "a client of another kind": (b"grant_type=refresh_token&refresh_token=a.b", 422),
}


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_body_that_is_nothing_that_auth_reads_is_refused(
    anna: Person, method: str, path: str, name: str
) -> None:
    content, status = RAW[name]
    answer = anna.gateway.request(method, path, content=content, headers=JSON)
    assert answer.status_code == status, answer.text[:300]
    is_problem(answer)


@pytest.mark.parametrize(("method", "path", "field"), FIELDS)
def test_what_is_no_text_is_refused_where_it_stands(anna: Person, method: str, path: str, field: str) -> None:
    for value in NO_TEXT:
        answer = anna.gateway.request(method, path, json={**ROUTES[method, path], field: value})
        assert answer.status_code == 422, answer.text
        is_problem(answer)
        assert [error["pointer"] for error in answer.json()["errors"]] == [f"/body/{field}"]


@pytest.mark.parametrize("text", ["\ud800.anna@example.com", "anna.\udfff@example.com"])
@pytest.mark.parametrize(("method", "path", "field"), FIELDS)
def test_a_lone_surrogate_is_refused_where_it_stands(
    gateway: httpx.Client, method: str, path: str, field: str, text: str
) -> None:
    content = json.dumps({**ROUTES[method, path], field: text})
    headers = {**JSON, **bearer(sign_up(gateway).access)}
    answer = gateway.request(method, path, content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    is_problem(answer)
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/body/{field}"]


@pytest.mark.parametrize("name", FORMS)
def test_a_form_that_signs_nobody_in_is_refused(gateway: httpx.Client, name: str) -> None:
    content, status = FORMS[name]
    answer = gateway.post("/auth/login", content=content, headers=FORM)
    assert answer.status_code == status, answer.text[:300]
    is_problem(answer)


@pytest.mark.parametrize(("method", "path"), [*ROUTES, ("POST", "/auth/login")])
def test_a_body_beyond_a_mebibyte_is_refused_by_auth_itself(
    stack: LocalStack, anna: Person, method: str, path: str
) -> None:
    headers = FORM if path == "/auth/login" else JSON
    answer = anna.at(stack.auth_url).request(method, path, content=b" " * (MIB + 1), headers=headers)
    assert answer.status_code == 413
    is_problem(answer)


@pytest.mark.parametrize("length", ["0" * 5000, "0" * 5000 + "2", "9" * 5000])
@pytest.mark.parametrize("kind", ["auth", "tasks"])
def test_a_length_of_many_digits_is_a_length_or_refused(stack: LocalStack, kind: str, length: str) -> None:
    port = (stack.ports.auth if kind == "auth" else stack.ports.tasks)[0]
    body = b"{}"[: int(length[-1:])]
    lines = ("GET /healthz HTTP/1.1", "Host: x", f"Content-Length: {length}", "Connection: close", "", "")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        status = b"".join(iter(lambda: connection.recv(4096), b"")).split(maxsplit=2)[1]
    assert status == b"200" or status.startswith(b"4")
