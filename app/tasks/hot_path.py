"""`GET /tasks` past the framework: most requests are this one, and routing it costs more than answering it.

What is usual is answered here: a task list, asked for with one token that is good, a query that is right and
no body. All else, and with it every refusal, is the framework's, which also describes the route. Both make an
answer of the same `Page` by the same function, so that it is the same answer (tests/api/test_hot_path.py).
"""

from __future__ import annotations

from typing import NamedTuple

from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from app.common.etags import Condition
from app.common.failures import failure
from app.common.problems import ProblemError, problem_response
from app.common.query_strings import QueryString
from app.common.tokens import InvalidTokenError, TokenVerifier
from app.tasks.answers import page_answer
from app.tasks.queries import TaskQuery
from app.tasks.service import TaskService

_BEARER = b"Bearer "


class _Asked(NamedTuple):
    owner: str
    query: TaskQuery
    condition: Condition | None


class HotPath:
    def __init__(self, app: ASGIApp, path: str, query: QueryString[TaskQuery]) -> None:
        self._app = app
        self._path = path
        self._query = query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self._asked(scope) if scope["path"] == self._path else None
        if asked is None:
            await self._app(scope, receive, send)
            return
        service: TaskService = scope["app"].state.tasks
        try:
            page = await service.list(asked.owner, asked.query)
        except ProblemError as error:
            response = problem_response(error.status, error.detail, self._path, error.headers)
            await response(scope, receive, send)
            return
        except Exception as error:  # noqa: BLE001 - as the framework's layer for what nobody expected
            await failure(scope, error)(scope, receive, send)
            return
        status, headers, body = page_answer(page, asked.condition)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _asked(self, scope: Scope) -> _Asked | None:
        """Return what is asked for if that is something usual."""
        if scope["method"] != "GET":
            return None
        authorization, condition_lines = None, []
        for name, value in scope["headers"]:
            if name == b"authorization":
                if authorization is not None:  # of two another reader may believe the other one
                    return None
                authorization = value
            elif name == b"if-none-match":
                condition_lines.append(value.decode("latin-1"))
            elif name in {b"content-length", b"transfer-encoding"}:
                return None
        if authorization is None or not authorization.startswith(_BEARER):
            return None
        verifier: TokenVerifier = scope["app"].state.verifier
        try:
            identity = verifier.identity(authorization[len(_BEARER) :].decode("latin-1"))
            query = self._query.read(scope["query_string"])
            condition = Condition.parse("If-None-Match", condition_lines)
        except (InvalidTokenError, RequestValidationError, ProblemError):
            return None
        return _Asked(identity.user_id, query, condition)
