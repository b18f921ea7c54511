"""`GET /tasks` past the framework: most requests are this one, and routing it costs more than answering it.

What is usual is answered here, right behind the parser of HTTP: a task list, asked for with one token that is
good, a query that is right and no body. All else, and with it every refusal, is the framework's, which also
describes the route. Both make an answer of the same `Page` by the same function, so that it is the same
(tests/api/test_hot_path.py).

    __call__   is it usual?  no: the framework      yes: ask Redis, with all who ask in this turn of the loop
    _looked    Redis has answered: a hit is sent off; for a miss a task
    _read      reads MongoDB
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import lru_cache, partial
from typing import NamedTuple

from fastapi.exceptions import RequestValidationError

from app.common import logs, timing
from app.common.clients import Clients
from app.common.context import Record, served_by
from app.common.cross_origin import WITHOUT_ORIGIN
from app.common.etags import Condition
from app.common.failures import failure
from app.common.problems import ProblemError, problem_response
from app.common.protocol import Exchange
from app.common.query_strings import QueryString
from app.common.settings import CommonSettings
from app.common.tokens import InvalidTokenError, TokenVerifier
from app.tasks.answers import RawAnswer, page_answer
from app.tasks.cache import Looked, Outcome
from app.tasks.entry import Entry
from app.tasks.queries import TaskQuery
from app.tasks.service import Page, TaskService

_BEARER = b"Bearer "
_LONGEST = 128
_END = b"\r\n\r\n"
# With one of them a request has a body, or another origin's page behind it.
_UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"expect", b"origin"})


class _Asked(NamedTuple):
    exchange: Exchange
    record: Record
    owner: str
    query: TaskQuery
    condition: Condition | None


class HotPath:
    """`path` and `query` are those of the route."""

    def __init__(
        self,
        path: str,
        query: QueryString[TaskQuery],
        service: TaskService,
        verifier: TokenVerifier,
        settings: CommonSettings,
    ) -> None:
        self._path = path
        self._query = query
        self._service = service
        self._verifier = verifier
        self._served_by = served_by(settings.port)
        # What stands at the end of the headers instead of their end, if anything does.
        self._end = b"\r\n" + WITHOUT_ORIGIN + b"\r\n" if settings.cors_origins else b""
        self._clients = Clients(settings.trusted_proxies)

    def __call__(self, exchange: Exchange) -> bool:
        scope, headers = exchange.scope, exchange.headers
        if scope["path"] != self._path or scope["method"] != "GET" or not _UNUSUAL.isdisjoint(headers):
            return False
        authorization = headers.get(b"authorization", b"")
        if not authorization.startswith(_BEARER):
            return False
        try:
            owner = self._verifier.identity(authorization[len(_BEARER) :]).user_id
            query = self._query.read(scope["query_string"])
            condition = _condition(headers.get(b"if-none-match"))
        except (InvalidTokenError, RequestValidationError, ProblemError):
            return False
        record = Record(headers.get(b"x-request-id"), self._served_by)
        asked = _Asked(exchange, record, owner, query, condition)
        if not self._service.look(owner, query, partial(self._looked, asked)):
            exchange.run(self._read(asked))
        return True

    def _looked(self, asked: _Asked, looked: Looked) -> None:
        with suppress(Exception):  # whatever it is, `_read` meets it, too, and tells
            if isinstance(looked, bytes) and (entry := Entry.read(looked)) is not None:
                spent = {"cache": time.perf_counter() - asked.record.began}
                self._answer(asked, page_answer(Page(entry, Outcome.HIT), asked.condition), spent)
                return
        asked.exchange.run(self._read(asked, looked))

    async def _read(self, asked: _Asked, *looked: Looked) -> None:
        record = asked.record
        logs.request_id.set(record.id)
        timing.begin(cache=time.perf_counter() - record.began)
        try:
            page = await self._service.list(asked.owner, asked.query, *looked)
            answer = page_answer(page, asked.condition)
        except ProblemError as error:
            answer = RawAnswer.of(problem_response(error.status, error.detail, self._path, error.headers))
        except Exception as error:  # noqa: BLE001 - as the framework's layer for what nobody expected
            answer = RawAnswer.of(failure(asked.exchange.scope, error))
        self._answer(asked, answer, timing.spent())

    def _answer(self, asked: _Asked, answer: RawAnswer, spent: timing.Spent) -> None:
        exchange, record = asked.exchange, asked.record
        rest = answer.rest.replace(_END, self._end, 1) if self._end else answer.rest
        exchange.answer(answer.status, record.head(spent) + answer.head, rest)
        client = self._clients.address(exchange.scope, exchange.headers.get(b"x-forwarded-for"))
        record.write("GET", self._path, client, answer.status)


def _condition(if_none_match: bytes | None) -> Condition | None:
    if if_none_match is None:
        return None
    # Clients ask again with what they have: it is read once. More than a few tags are nothing to keep.
    return (_remembered if len(if_none_match) <= _LONGEST else _parsed)(if_none_match)


def _parsed(if_none_match: bytes) -> Condition | None:
    return Condition.parse("If-None-Match", [if_none_match.decode("latin-1")])


_remembered = lru_cache(1024)(_parsed)
