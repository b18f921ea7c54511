"""What is told about every request: to its client in headers, to the log in a line.

Also the layer around the framework that does so.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common import logs, timing
from app.common.header_lines import pairs

_is_accepted_id = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch
HOST = socket.gethostname().split(".")[0]


class Record:
    """A request from now on."""

    __slots__ = ("began", "id", "served_by")

    def __init__(self, given_id: bytes | None, served_by: str) -> None:
        self.began = time.perf_counter()
        self.id = request_id(given_id)
        self.served_by = served_by

    def head(self, spent: timing.Spent) -> bytes:
        """Return the lines of the headers that every answer has."""
        timed = timing.header(spent, time.perf_counter() - self.began)
        return (
            f"x-request-id: {self.id}\r\nx-served-by: {self.served_by}\r\nserver-timing: {timed}\r\n".encode()
        )

    def write(self, method: str, path: str, client: str, status: int) -> None:
        """Log the request: it is answered."""
        fields = {
            "request_id": self.id,
            "method": method,
            "path": path,
            "status": status,
            "client": client,
            "duration_ms": round((time.perf_counter() - self.began) * 1000, 2),
            "served_by": self.served_by,
        }
        logs.requests.write(fields)


class RequestContext:
    """Pure ASGI: Starlette's BaseHTTPMiddleware costs two to three times a whole request."""

    def __init__(self, app: ASGIApp, port: int | None = None) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = next(filter(_is_accepted_id, _values(scope, b"x-request-id")), None)
        record = Record(given, served_by(self._port or (scope.get("server") or ("", 0))[1]))
        context = logs.request_id.set(record.id)
        timed = timing.begin()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*pairs(record.head(timing.spent())), *message["headers"]]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            record.write(scope["method"], scope["path"], (scope.get("client") or ("",))[0], status)
            timing.end(timed)
            logs.request_id.reset(context)


def served_by(port: int | None) -> str:
    """Name who answers: this host, and the instance by its port."""
    return f"{HOST}:{port or 0}"


def request_id(given: bytes | None) -> str:
    """Return the caller's X-Request-ID if it is harmless in a log and a header, else a new one."""
    return str(given, "ascii") if given and _is_accepted_id(given) else secrets.token_hex(16)


def _values(scope: Scope, wanted: bytes) -> Iterable[bytes]:
    return (value for name, value in scope["headers"] if name == wanted)
