"""The outermost layer: request id, who answered, where the time went, and one log line a request."""

from __future__ import annotations

import re
import secrets
import socket
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common import logs, timing

_is_accepted_id = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch
HOST = socket.gethostname().split(".")[0]


class RequestContext:
    """Pure ASGI: Starlette's BaseHTTPMiddleware costs two to three times a whole request."""

    def __init__(self, app: ASGIApp, port: int | None = None) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        served_by = f"{HOST}:{self._port or (scope.get('server') or ('', 0))[1]}"
        identity = request_id_of(scope)
        context = logs.request_id.set(identity)
        timed = timing.begin()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", identity.encode()),
                    (b"x-served-by", served_by.encode()),
                    (b"server-timing", timing.header(time.perf_counter() - began).encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            fields = {
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "client": (scope.get("client") or ("",))[0],
                "duration_ms": round((time.perf_counter() - began) * 1000, 2),
                "served_by": served_by,
            }
            logs.requests.write(fields)
            timing.end(timed)
            logs.request_id.reset(context)


def request_id_of(scope: Scope) -> str:
    """Return the caller's X-Request-ID if it is harmless in a log and a header, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _is_accepted_id(value):
            return str(value, "ascii")
    return secrets.token_hex(16)
