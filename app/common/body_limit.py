"""Bodies have a limit here too: an instance may be asked without a gateway in front of it."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common.problems import problem_response

_DIGITS = 20


class BodyLimit:
    """Answers 413 before anything is read if the length is told, otherwise as soon as too much has arrived.

    (The framework's own limit answers in plain text.)
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        # As many digits as it likes to have: `int` would refuse to read thousands of them.
        if length.isdigit() and int(length.lstrip(b"0")[:_DIGITS] or b"0") > self._max_bytes:
            # The rest of the body is not read, so the connection cannot be used again.
            headers = {"Connection": "close"}
            await problem_response(413, _detail(self._max_bytes), scope["path"], headers)(
                scope, receive, send
            )
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise HTTPException(413, _detail(self._max_bytes), {"Connection": "close"})
            return message

        await self._app(scope, receive_counted, send)


def _detail(max_bytes: int) -> str:
    return f"the body is larger than {max_bytes} bytes"
