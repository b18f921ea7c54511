"""HTTP as uvicorn speaks it, but for trailers, hot paths, and the answer to what is no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.common.header_lines import lines
from app.common.problems import problem_response


class Protocol(HttpToolsProtocol):
    def on_chunk_header(self) -> None:
        """Forget the headers, which the request has: behind its body there are none (RFC 9110, 6.5.1).

        uvicorn would add what comes there to those that the application may have read by then, or not.
        """
        self.headers = []

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Have the application's hot path answer, if it has one that will; uvicorn's way takes what is left.

        That is also who does not read what was sent, or will not send another request.
        """
        hot_path: HotPath | None = getattr(self.config.app, "hot_path", None)
        if hot_path is not None and cycle.keep_alive and not self.flow.write_paused:
            given = cast("list[tuple[bytes, bytes]]", cycle.scope["headers"])
            headers = dict(given)
            # Of two headers with one name a reader may believe either: that is nothing for a hot path.
            if len(headers) == len(given) and hot_path(Exchange(self, cycle, headers)):
                return
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        """Answer with a problem document, where uvicorn has plain text. The application sees none of it."""
        response = problem_response(400, msg, None, {"Connection": "close"})
        fields = [*self.server_state.default_headers, *response.raw_headers]
        self.transport.write(b"".join([STATUS_LINE[400], lines(fields), b"\r\n", bytes(response.body)]))
        self.transport.close()


class Exchange:
    """A request, and its answer past ASGI. `headers` has the request's headers, names in lower case."""

    __slots__ = ("_cycle", "_protocol", "headers", "scope")

    def __init__(
        self, protocol: Protocol, cycle: RequestResponseCycle, headers: Mapping[bytes, bytes]
    ) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self.headers = headers
        self.scope = cast("Scope", cycle.scope)

    def answer(self, status: int, head: bytes, rest: bytes) -> None:
        """Send the whole answer: lines of headers; more of them, an empty line, the body.

        Nobody checks them: they have to be right.
        """
        cycle, transport = self._cycle, self._protocol.transport
        if cycle.disconnected or cycle.response_complete:
            return
        cycle.response_started = cycle.response_complete = True
        # It had to be kept when this began; meanwhile the server may be leaving.
        last = b"" if cycle.keep_alive else b"connection: close\r\n"
        transport.write(
            b"".join([STATUS_LINE[status], _default_lines(cycle.default_headers), last, head, rest])
        )
        if not cycle.keep_alive:
            transport.close()
        cycle.on_response()
        cycle.on_response = _nothing  # no circle of references is left to the garbage collector

    def run(self, answering: Coroutine[Any, Any, None]) -> None:
        """Have a task answer, which the server waits for when it leaves."""
        task = self._protocol.loop.create_task(answering)
        self._protocol.tasks.add(task)
        task.add_done_callback(self._protocol.tasks.discard)


# Answers what it can, now or later, and returns whether it will.
HotPath = Callable[[Exchange], bool]


def _nothing() -> None:
    pass


def _default_lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return those of every answer, which uvicorn makes anew each second."""
    global _defaults  # noqa: PLW0603 - there is one server in a process
    if _defaults[0] is not headers:
        _defaults = headers, lines(headers)
    return _defaults[1]


_defaults: tuple[list[tuple[bytes, bytes]], bytes] = [], b""
