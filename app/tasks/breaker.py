"""A circuit breaker: after a few failures in a row reads stop asking for a moment, then one of them tries."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Breaker:
    def __init__(
        self, failures: int = 3, open_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures = 0
        self._retry_at = 0.0

    def allows(self) -> bool:
        """Return whether to ask. While open, one caller in `open_seconds` is let through to find out."""
        if self._failures < self._limit:
            return True
        if self._clock() < self._retry_at:
            return False
        self._retry_at = self._clock() + self._open_seconds
        return True

    def succeeded(self) -> None:
        if self._failures >= self._limit:
            logger.info("Redis answers again")
        self._failures = 0

    def failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self._retry_at = self._clock() + self._open_seconds
        if self._failures == self._limit:
            logger.warning("Redis does not answer (%s): lists are read from MongoDB", reason)
