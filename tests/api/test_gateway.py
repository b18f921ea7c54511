"""What the gateway answers by itself, to requests that no service gets to see."""

from __future__ import annotations

import json
import socket

import httpx
import pytest

from tests.conftest import PAGE
from tools.local_stack import LocalStack


def raw(stack: LocalStack, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are: a client library would refuse to. Returns status, headers and body."""
    with socket.create_connection(("127.0.0.1", stack.ports.gateway), timeout=10) as connection:
        connection.sendall(request)
        answer = connection.makefile("rb")
        head = b"".join(iter(answer.readline, b"\r\n"))
        body = answer.read(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    lines = head.decode().splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body


def get(path: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    fields = b"".join(header + b"\r\n" for header in headers)
    return method + b" " + path + b" HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n" + fields + b"\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(get(b"/nothing"), 404, id="unknown path"),
        pytest.param(get(b"/authority"), 404, id="a path that only begins like a service's"),
        pytest.param(get(b"/tasks/%00"), 400, id="NUL in the path"),
        pytest.param(get(b"/tasks/%zz"), 400, id="broken percent encoding"),
        pytest.param(get(b"/../../etc/passwd"), 400, id="path above the root"),
        pytest.param(get(b"/" + b"a" * 40_000), 414, id="long path"),
        pytest.param(get(b"/tasks", b"X-Long: " + b"a" * 40_000), 400, id="long header"),
        pytest.param(get(b"/tasks", method=b"TRACE"), 405, id="TRACE"),
        pytest.param(get(b"/tasks", method=b"MKCOL"), 405, id="a method of others"),
        pytest.param(get(b"/tasks", method=b"get"), 400, id="a method in small letters"),
        pytest.param(get(b"/tasks%0a"), 404, id="a path with a line end"),
        pytest.param(get(b"/tasks%2f"), 404, id="a path with an encoded slash"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="not HTTP"),
        pytest.param(b"GET /tasks HTTP/1.1\r\n\r\n", 400, id="no Host"),
        pytest.param(
            get(b"/tasks", b"Content-Length: 4", b"Transfer-Encoding: chunked"),
            400,
            id="two lengths for one body",
        ),
        pytest.param(get(b"/tasks", b"Content-Length: 99999999", method=b"POST"), 413, id="large body"),
    ],
)
def test_what_no_service_gets_to_see_is_a_problem_document_too(
    stack: LocalStack, request_bytes: bytes, status: int
) -> None:
    seen, headers, body = raw(stack, request_bytes)
    assert seen == status
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["request_id"] == headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"
    assert ("allow" in headers) is (status == 405)


def test_a_harmless_request_id_is_kept_and_any_other_replaced(stack: LocalStack) -> None:
    _, headers, _ = raw(stack, get(b"/nothing", b"X-Request-ID: my-id.1"))
    assert headers["x-request-id"] == "my-id.1"
    _, headers, _ = raw(stack, get(b"/nothing", b'X-Request-ID: "},{"'))
    assert len(headers["x-request-id"]) == 32


CORS = ("Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Vary")


@pytest.mark.parametrize("path", ["/nothing", "/tasks", "/auth/me", "/docs/openapi.json"])
def test_a_page_of_ours_sees_the_gateways_answers_as_it_sees_a_services(
    gateway: httpx.Client, path: str
) -> None:
    seen = gateway.get(path, headers={"Origin": PAGE}).headers
    assert [seen.get_list(name) for name in CORS[::2]] == [[PAGE], ["Origin"]]
    assert {"Retry-After", "X-Request-ID"} <= set(seen["Access-Control-Expose-Headers"].split(", "))
    seen = gateway.get(path, headers={"Origin": "https://tasks.example.org.evil.example"}).headers
    assert not set(CORS) & set(seen)


def test_a_page_of_ours_is_told_that_a_service_is_away(faults: LocalStack, gateway: httpx.Client) -> None:
    faults.auth[0].kill()
    answer = gateway.get("/auth/me", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["Retry-After"]) == (502, "2")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE


def test_the_log_of_the_gateway_has_no_query_strings_and_no_tokens(stack: LocalStack) -> None:
    raw(stack, get(b"/tasks?password=hunter2-in-query", b"Authorization: Bearer token-in-header"))
    log = (stack.folder / "nginx" / "access.log").read_text(errors="replace")
    assert json.loads(log.splitlines()[-1])["path"] == "/tasks"
    assert "hunter2-in-query" not in log
    assert "token-in-header" not in log
