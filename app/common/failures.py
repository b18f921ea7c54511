"""A 500 for what nobody caught: its cause is for the log, not for the client."""

from __future__ import annotations

import logging

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common.problems import problem_response

logger = logging.getLogger(__name__)


def failure(scope: Scope, error: Exception) -> Response:
    """Log an error, and return what the client gets to know about it."""
    logger.error("unhandled error", exc_info=error)
    return problem_response(500, "the service made a mistake", scope["path"])


class Failures:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = False

        async def send_and_know(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_know)
        except Exception as error:
            response = failure(scope, error)
            if answered:
                raise  # half an answer is out: the server has to cut the connection
            await response(scope, receive, send)
