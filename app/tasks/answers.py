"""What the read routes answer."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from app.common.etags import Condition
from app.common.header_lines import lines, pairs
from app.tasks.entry import CACHE_CONTROL
from app.tasks.representation import Answer
from app.tasks.service import Page

_END = b"\r\n"


class RawAnswer(NamedTuple):
    """As HTTP has it. `head`: lines of headers; `rest`: more of them, an empty line, the body."""

    status: int
    head: bytes
    rest: bytes

    @classmethod
    def of(cls, response: Response) -> RawAnswer:
        """Make an answer of what a route of the framework returns."""
        return cls(response.status_code, b"", lines(response.raw_headers) + _END + bytes(response.body))

    def response(self) -> Response:
        """Make what a route of the framework returns."""
        head, _, body = (self.head + self.rest).partition(_END + _END)
        response = Response(status_code=self.status)
        response.raw_headers, response.body = pairs(head + _END), body
        return response


def page_answer(page: Page, condition: Condition | None) -> RawAnswer:
    """Answer with a page of a list; without it to a client that has it already (RFC 9110, 13.1.2)."""
    entry, outcome = page
    if condition and condition.holds_weakly(entry.etag.decode("latin-1")):
        return RawAnswer(304, outcome.line, entry.head + _END)
    return RawAnswer(200, outcome.line, entry.sent)


def task_answer(answer: Answer, condition: Condition | None) -> Response:
    """Answer with a task; without it to a client that has it already."""
    headers = {**answer.headers, "Cache-Control": CACHE_CONTROL}
    if condition and condition.holds_weakly(answer.headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type="application/json")
