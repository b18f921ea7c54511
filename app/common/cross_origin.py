"""CORS: which other origins' pages may call the API from a browser, and what they get to see."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.common.problems import METHODS

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


def cross_origin(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Tokens are sent by the page itself: there are no cookies that a browser would add (no credentials)."""
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=METHODS, allow_headers=_SENT, expose_headers=_SEEN
    )
