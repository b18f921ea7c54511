"""Which requests are answered past the framework: those that are usual, and no others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.common.problems import UnavailableError
from app.common.query_strings import QueryString
from app.common.tokens import Identity, InvalidTokenError
from app.tasks.cache import Entry, Outcome
from app.tasks.hot_path import HotPath
from app.tasks.queries import TaskQuery
from app.tasks.service import Page

pytestmark = pytest.mark.anyio
FRAMEWORK: list[Message] = [{"type": "the framework"}]
GOOD = (b"authorization", b"Bearer good")


class Verifier:
    def identity(self, token: str) -> Identity:
        if token != "good":
            raise InvalidTokenError
        return Identity("anna", "session")


class Service:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def list(self, owner: str, query: TaskQuery) -> Page:
        if self.error:
            raise self.error
        entry = Entry(1, '"tag"', "", f"{owner} {query.limit}".encode())
        return Page(entry, "<first>", Outcome.HIT)


async def ask(*headers: tuple[bytes, bytes], service: Service | None = None, **changes: Any) -> list[Message]:
    """What is sent, or FRAMEWORK if that got the request."""
    sent: list[Message] = []

    async def framework(scope: Scope, receive: Receive, send: Send) -> None:
        sent.extend(FRAMEWORK)

    async def receive() -> Message:
        raise AssertionError("nobody asks for the body")

    async def send(message: Message) -> None:
        sent.append(dict(message))

    state = SimpleNamespace(tasks=service or Service(), verifier=Verifier())
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/tasks",
        "query_string": b"",
        "headers": headers,
    }
    scope |= {"app": SimpleNamespace(state=state), **changes}
    await HotPath(framework, "/tasks", QueryString(TaskQuery))(scope, receive, send)
    return sent


async def test_a_usual_request_is_answered_without_the_framework() -> None:
    start, body = await ask(GOOD, (b"accept", b"*/*"), query_string=b"limit=7")
    assert start == {
        "type": "http.response.start",
        "status": 200,
        "headers": [
            (b"etag", b'"tag"'),
            (b"link", b"<first>"),
            (b"x-total-count", b"1"),
            (b"x-cache", b"HIT"),
            (b"cache-control", b"private, no-cache"),
            (b"content-length", b"6"),
            (b"content-type", b"application/json"),
        ],
    }
    assert body == {"type": "http.response.body", "body": b"anna 7"}


async def test_who_has_the_list_is_told_so_without_the_framework() -> None:
    start, body = await ask(GOOD, (b"if-none-match", b'"other"'), (b"if-none-match", b'W/"tag"'))
    assert start["status"] == 304
    assert b"content-length" not in dict(start["headers"])
    assert body["body"] == b""


async def test_what_is_away_is_a_problem_document_without_the_framework() -> None:
    start, body = await ask(GOOD, service=Service(UnavailableError("MongoDB")))
    assert start["status"] == 503
    assert (b"retry-after", b"2") in start["headers"]
    assert b'"instance":"/tasks"' in body["body"]


async def test_what_nobody_expected_is_a_500_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    start, body = await ask(GOOD, service=Service(ZeroDivisionError("the inner secrets of the house")))
    assert start["status"] == 500
    assert b"secrets" not in body["body"]
    assert "the inner secrets of the house" in caplog.text


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        ([GOOD], {"path": "/tasks/"}),
        ([GOOD], {"path": "/tasks\n"}),
        ([GOOD], {"method": "HEAD"}),
        ([GOOD], {"method": "POST"}),
        ([GOOD], {"query_string": b"limit=0"}),
        ([GOOD], {"query_string": b"no=such"}),
        ([], {}),
        ([GOOD, GOOD], {}),
        ([GOOD, (b"authorization", b"")], {}),
        ([(b"authorization", b""), GOOD], {}),
        ([(b"authorization", b"bearer good")], {}),
        ([(b"authorization", b"Basic good")], {}),
        ([(b"authorization", b"Bearer  good")], {}),
        ([(b"authorization", b"Bearer bad")], {}),
        ([GOOD, (b"content-length", b"0")], {}),
        ([GOOD, (b"transfer-encoding", b"chunked")], {}),
        ([GOOD, (b"if-none-match", b"no tag")], {}),
    ],
)
async def test_all_else_is_the_frameworks(
    headers: list[tuple[bytes, bytes]], changes: dict[str, Any]
) -> None:
    assert await ask(*headers, **changes) == FRAMEWORK
