"""What the read routes answer, as ASGI has it: status, headers (names in lower case), body."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from app.common.etags import Condition
from app.tasks.representation import Answer
from app.tasks.service import Page


class RawAnswer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def response(self) -> Response:
        """Make what a route of the framework returns."""
        response = Response(status_code=self.status)
        response.raw_headers, response.body = self.headers, self.body
        return response


def page_answer(page: Page, condition: Condition | None) -> RawAnswer:
    """Answer with a page of a list."""
    entry = page.entry
    headers = [
        (b"etag", entry.etag.encode("latin-1")),
        (b"link", page.links.encode("latin-1")),
        (b"x-total-count", b"%d" % entry.total),
        (b"x-cache", page.outcome.value.encode()),
    ]
    return _unless_known(condition, entry.etag, headers, entry.body)


def task_answer(answer: Answer, condition: Condition | None) -> RawAnswer:
    """Answer with a task."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    return _unless_known(condition, answer.headers["ETag"], headers, answer.body)


def _unless_known(
    condition: Condition | None, etag: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> RawAnswer:
    """Answer 304 and the headers alone to a client that has the body already (RFC 9110, 13.1.2)."""
    headers.append((b"cache-control", b"private, no-cache"))
    if condition and condition.holds_weakly(etag):
        return RawAnswer(304, headers, b"")
    headers.append((b"content-length", b"%d" % len(body)))
    headers.append((b"content-type", b"application/json"))
    return RawAnswer(200, headers, body)
