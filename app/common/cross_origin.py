"""CORS: which other origins' pages may call the API from a browser, and what they get to see."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from app.common.problems import METHODS, problem_response

_SENT = ("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID")
_SEEN = (
    "Allow",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Retry-After",
    "Server-Timing",
    "WWW-Authenticate",
    "X-Cache",
    "X-Request-ID",
    "X-Served-By",
    "X-Total-Count",
)
# What this layer adds to an answer whose request names no origin.
WITHOUT_ORIGIN = b"vary: Origin\r\n"


class _Answering(CORSMiddleware):
    """A refused preflight is a problem document, as every other error."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < HTTPStatus.BAD_REQUEST:
            return answer
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return problem_response(answer.status_code, bytes(answer.body).decode(), None, kept)


def cross_origin(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Tokens are sent by the page itself: there are no cookies that a browser would add (no credentials)."""
    return _Answering(
        app, allow_origins=origins, allow_methods=METHODS, allow_headers=_SENT, expose_headers=_SEEN
    )
