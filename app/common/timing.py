"""Where a request's time goes, for the `Server-Timing` header (W3C Server Timing)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

# Seconds by metric. Tasks that a request starts share its dictionary.
_spent: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)

# The metric that is being measured: what is inside counts once.
_within: ContextVar[str] = ContextVar("within", default="")


def begin() -> Token[dict[str, float] | None]:
    """Start counting for the request that this context belongs to."""
    return _spent.set({})


def end(token: Token[dict[str, float] | None]) -> None:
    _spent.reset(token)


@contextmanager
def measured(metric: str) -> Iterator[None]:
    """Add the time that the block takes to a metric of the request ("db", "cache"), if there is a request."""
    spent = _spent.get()
    if spent is None or _within.get() == metric:
        yield
        return
    within = _within.set(metric)
    began = time.perf_counter()
    try:
        yield
    finally:
        spent[metric] = spent.get(metric, 0.0) + time.perf_counter() - began
        _within.reset(within)


def header(total_seconds: float) -> str:
    """Return the header's value, durations in milliseconds: `cache;dur=0.31, db;dur=1.87, app;dur=2.60`."""
    metrics = {**(_spent.get() or {}), "app": total_seconds}
    return ", ".join(f"{metric};dur={seconds * 1000:.2f}" for metric, seconds in metrics.items())
