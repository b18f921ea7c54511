"""Which requests are answered past the framework: those that are usual, and no others."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, cast

import pytest

from app.common.problems import UnavailableError
from app.common.protocol import Exchange
from app.common.query_strings import QueryString
from app.common.settings import CommonSettings
from app.common.tokens import Identity, InvalidTokenError, TokenVerifier
from app.tasks.cache import Looked, Outcome
from app.tasks.cache_connection import CacheDownError
from app.tasks.entry import Entry
from app.tasks.hot_path import HotPath
from app.tasks.queries import TaskQuery
from app.tasks.service import Page, TaskService

pytestmark = pytest.mark.anyio
GOOD = {b"authorization": b"Bearer good"}
IN_REDIS = Entry.of(1, b'"tag"', b"<first>", b"in Redis")


class Verifier:
    def identity(self, token: bytes) -> Identity:
        if token != b"good":
            raise InvalidTokenError
        return Identity("anna", "session", math.inf)


class Service:
    """Redis has `looked` for everybody, or cannot be asked at once (...)."""

    def __init__(self, looked: Any = ..., error: Exception | None = None) -> None:
        self.looked, self.error = looked, error
        self.listed: list[tuple[Looked, ...]] = []

    def look(self, owner: str, query: TaskQuery, receive: Callable[[Looked], None]) -> bool:
        if self.looked is not ...:
            receive(self.looked)
        return self.looked is not ...

    async def list(self, owner: str, query: TaskQuery, *looked: Looked) -> Page:
        self.listed.append(looked)
        if self.error:
            raise self.error
        body = f"{owner} {query.limit}".encode()
        return Page(Entry.of(1, b'"tag"', b"<first>", body), Outcome.MISS)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Recorded:
    """An exchange that keeps the answer."""

    def __init__(self, headers: Mapping[bytes, bytes], changes: Mapping[str, Any]) -> None:
        usual = {"method": "GET", "path": "/tasks", "query_string": b"", "client": ("10.0.0.1", 1)}
        self.scope = {**usual, **changes}
        self.headers = headers
        self.answers: list[Answer] = []
        self.tasks: list[asyncio.Task[None]] = []

    def answer(self, status: int, head: bytes, rest: bytes) -> None:
        lines, _, body = (head + rest).partition(b"\r\n\r\n")
        headers = dict(re.findall(r"(\S+): (.*)\r\n", f"{lines.decode()}\r\n"))
        self.answers.append(Answer(status, headers, body))

    def run(self, answering: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(answering))


async def ask(
    headers: Mapping[bytes, bytes],
    service: Service | None = None,
    settings: CommonSettings | None = None,
    **changes: Any,
) -> Answer | None:
    """What is answered; None if it is left to the framework."""
    exchange = Recorded(headers, changes)
    lists = cast("TaskService", service or Service(IN_REDIS.sent))
    verifier = cast("TokenVerifier", Verifier())
    settings = settings or CommonSettings(port=4711)
    hot_path = HotPath("/tasks", QueryString(TaskQuery), lists, verifier, settings)
    is_taken = hot_path(cast("Exchange", exchange))
    for task in exchange.tasks:
        await task
    assert len(exchange.answers) == is_taken
    return exchange.answers[0] if is_taken else None


async def answered(
    headers: Mapping[bytes, bytes],
    service: Service,
    settings: CommonSettings | None = None,
    **changes: Any,
) -> Answer:
    answer = await ask(headers, service, settings, **changes)
    assert answer
    return answer


async def test_what_redis_has_is_answered_at_once() -> None:
    service = Service(IN_REDIS.sent)
    answer = await answered({**GOOD, b"accept": b"*/*", b"x-request-id": b"one"}, service)
    assert answer.headers.pop("server-timing").startswith("cache;dur=")
    assert answer.headers.pop("x-served-by").endswith(":4711")
    assert answer == Answer(
        200,
        {
            "etag": '"tag"',
            "link": "<first>",
            "x-total-count": "1",
            "x-cache": "HIT",
            "cache-control": "private, no-cache",
            "content-length": "8",
            "content-type": "application/json",
            "x-request-id": "one",
        },
        b"in Redis",
    )
    assert service.listed == []


@pytest.mark.parametrize("looked", [None, CacheDownError(), b"no entry", ...])
async def test_what_redis_has_not_is_read_on_from_there(looked: Any) -> None:
    service = Service(looked)
    answer = await answered(GOOD, service, query_string=b"limit=7")
    assert (answer.status, answer.headers["x-cache"], answer.body) == (200, "MISS", b"anna 7")
    assert service.listed == [() if looked is ... else (looked,)]


async def test_who_has_the_list_is_told_so() -> None:
    answer = await answered({**GOOD, b"if-none-match": b'"other", W/"tag"'}, Service(IN_REDIS.sent))
    assert answer.status == 304
    assert "content-length" not in answer.headers
    assert answer.body == b""


@pytest.mark.parametrize(
    ("headers", "service"),
    [
        (GOOD, Service(IN_REDIS.sent)),
        ({**GOOD, b"if-none-match": b"*"}, Service(IN_REDIS.sent)),
        (GOOD, Service(error=UnavailableError("MongoDB"))),
    ],
)
async def test_where_other_origins_may_ask_caches_are_told_that_it_matters_who_asks(
    headers: dict[bytes, bytes], service: Service
) -> None:
    settings = CommonSettings(port=4711, cors_origins=["https://tasks.example.org"])
    answer, alone = [await answered(headers, service, each) for each in (settings, None)]
    assert list(answer.headers.items())[-1] == ("vary", "Origin")
    assert "vary" not in alone.headers
    assert (answer.status, len(answer.headers)) == (alone.status, len(alone.headers) + 1)


async def test_what_is_away_is_a_problem_document() -> None:
    answer = await answered(GOOD, Service(error=UnavailableError("MongoDB")))
    assert answer.status == 503
    assert answer.headers["retry-after"] == "2"
    assert b'"instance":"/tasks"' in answer.body
    assert f'"request_id":"{answer.headers["x-request-id"]}"'.encode() in answer.body


async def test_what_nobody_expected_is_a_500_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    answer = await answered(GOOD, Service(error=ZeroDivisionError("the inner secrets of the house")))
    assert answer.status == 500
    assert b"secrets" not in answer.body
    assert "the inner secrets of the house" in caplog.text


@pytest.mark.parametrize(
    ("headers", "changes"),
    [
        (GOOD, {"path": "/tasks/"}),
        (GOOD, {"path": "/tasks\n"}),
        (GOOD, {"method": "HEAD"}),
        (GOOD, {"method": "POST"}),
        (GOOD, {"query_string": b"limit=0"}),
        (GOOD, {"query_string": b"no=such"}),
        ({}, {}),
        ({b"authorization": b"bearer good"}, {}),
        ({b"authorization": b"Basic good"}, {}),
        ({b"authorization": b"Bearer  good"}, {}),
        ({b"authorization": b"Bearer bad"}, {}),
        ({**GOOD, b"content-length": b"0"}, {}),
        ({**GOOD, b"transfer-encoding": b"chunked"}, {}),
        ({**GOOD, b"expect": b"100-continue"}, {}),
        ({**GOOD, b"origin": b"https://tasks.example.org"}, {}),
        ({**GOOD, b"if-none-match": b"no tag"}, {}),
    ],
)
async def test_all_else_is_the_frameworks(headers: dict[bytes, bytes], changes: dict[str, Any]) -> None:
    assert await ask(headers, **changes) is None
