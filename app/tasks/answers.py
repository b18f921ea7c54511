"""What the read routes answer: status, the lines of the headers as HTTP has them, body."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from app.common.etags import Condition
from app.common.header_lines import lines, pairs
from app.tasks.representation import Answer
from app.tasks.service import Page


class RawAnswer(NamedTuple):
    status: int
    head: bytes
    body: bytes

    @classmethod
    def of(cls, response: Response) -> RawAnswer:
        """Make an answer of what a route of the framework returns."""
        return cls(response.status_code, lines(response.raw_headers), bytes(response.body))

    def response(self) -> Response:
        """Make what a route of the framework returns."""
        response = Response(status_code=self.status)
        response.raw_headers, response.body = pairs(self.head), self.body
        return response


def page_answer(page: Page, condition: Condition | None) -> RawAnswer:
    """Answer with a page of a list."""
    total, etag, links, body = page.entry
    head = b"etag: %b\r\nlink: %b\r\nx-total-count: %d\r\nx-cache: %b\r\n"
    return _unless_known(condition, etag, head % (etag, links, total, page.outcome.value), body)


def task_answer(answer: Answer, condition: Condition | None) -> RawAnswer:
    """Answer with a task."""
    headers = ((name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items())
    return _unless_known(condition, answer.headers["ETag"].encode(), lines(headers), answer.body)


def _unless_known(condition: Condition | None, etag: bytes, head: bytes, body: bytes) -> RawAnswer:
    """Answer 304 and the headers alone to a client that has the body already (RFC 9110, 13.1.2)."""
    if condition and condition.holds_weakly(etag.decode("latin-1")):
        return RawAnswer(304, head + b"cache-control: private, no-cache\r\n", b"")
    kind = b"cache-control: private, no-cache\r\ncontent-length: %d\r\ncontent-type: application/json\r\n"
    return RawAnswer(200, head + kind % len(body), body)
