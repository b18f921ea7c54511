"""Where a request's time goes, for the `Server-Timing` header (W3C Server Timing)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar, Token

# Seconds by metric ("db", "cache").
Spent = Mapping[str, float]
# Tasks that a request starts share its dictionary.
_spent: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)

# The metric that is being measured: what is inside counts once.
_within: ContextVar[str] = ContextVar("within", default="")


def begin(**spent: float) -> Token[dict[str, float] | None]:
    """Start counting for the request that this context belongs to, from what it has spent already."""
    return _spent.set(spent)


def end(token: Token[dict[str, float] | None]) -> None:
    _spent.reset(token)


class measured:  # noqa: N801 - used as a context manager
    """Add the time that the block takes to a metric of the request ("db", "cache"), if there is a request."""

    __slots__ = ("_began", "_metric", "_spent", "_within")

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._spent = _spent.get()
        if _within.get() == metric:
            self._spent = None

    def __enter__(self) -> None:
        if self._spent is not None:
            self._within = _within.set(self._metric)
            self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._spent is not None:
            took = time.perf_counter() - self._began
            self._spent[self._metric] = self._spent.get(self._metric, 0.0) + took
            _within.reset(self._within)


def spent() -> Spent:
    """Return what the request has spent so far: seconds by metric."""
    return _spent.get() or {}


def header(spent: Spent, total: float) -> str:
    """Return the header's value, durations in milliseconds: `cache;dur=0.31, db;dur=1.87, app;dur=2.60`."""
    spans = [f"{metric};dur={seconds * 1000:.2f}, " for metric, seconds in spent.items()]
    return f"{''.join(spans)}app;dur={total * 1000:.2f}"
