"""Limits for those who guess passwords: for each account, and for each address that asks.

Counted in Redis by the library `limits` (sliding windows), so that all instances count together. Without
Redis each process counts for itself until it answers again: guessing stays bounded, and people can sign in.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from pydantic import SecretStr
from redis.exceptions import RedisError

from app.common.problems import ProblemError
from app.common.redis_pool import pool

logger = logging.getLogger(__name__)
T = TypeVar("T")
KEY_PREFIX = "auth:attempts"
_REDIS_SECONDS = 0.25


class TooManyAttemptsError(ProblemError):
    """429 (RFC 6585), and when to come back (RFC 9110, 10.2.3)."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, "too many attempts; please wait", {"Retry-After": str(seconds)})


class Attempts:
    def __init__(self, storage: RedisStorage, per_account: str, per_address: str) -> None:
        self._redis = SlidingWindowCounterRateLimiter(storage)
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._per_account, self._per_address = parse(per_account), parse(per_address)
        self._redis_answers = True

    async def ping(self) -> None:
        if not await self._redis.storage.check():
            raise ConnectionError

    async def count(self, address: str, email: str | None = None) -> None:
        """Count an attempt before it is made. Raises TooManyAttemptsError, and then it does not count."""
        await self._hit(self._per_address, "address", address)
        if email is not None:
            await self._hit(self._per_account, "account", _digest(email))

    async def forget(self, email: str) -> None:
        """The right password came: earlier mistakes were the owner's."""
        await self._ask(lambda limiter: limiter.clear(self._per_account, "account", _digest(email)))

    async def _hit(self, item: RateLimitItem, *identifiers: str) -> None:
        async def hit(limiter: SlidingWindowCounterRateLimiter) -> float | None:
            if await limiter.hit(item, *identifiers):
                return None
            return (await limiter.get_window_stats(item, *identifiers)).reset_time

        if (reset := await self._ask(hit)) is not None:
            raise TooManyAttemptsError(max(1, math.ceil(reset - time.time())))

    async def _ask(self, question: Callable[[SlidingWindowCounterRateLimiter], Awaitable[T]]) -> T:
        try:
            answer = await question(self._redis)
        except (RedisError, OSError, TimeoutError) as error:
            if self._redis_answers:
                logger.warning(
                    "Redis does not answer (%s): attempts are counted here", str(error) or "too slow"
                )
            self._redis_answers = False
            return await question(self._here)
        self._redis_answers = True
        return answer


def _digest(email: str) -> str:
    """Addresses of people are not for Redis to hold."""
    return hashlib.sha256(email.encode()).hexdigest()


@asynccontextmanager
async def connected(url: SecretStr, per_account: str, per_address: str) -> AsyncIterator[Attempts]:
    """Redis need not answer yet: connections are made when they are needed."""
    connections = pool(url, _REDIS_SECONDS)
    storage = RedisStorage(
        "async+" + url.get_secret_value(),
        implementation="redispy",
        key_prefix=KEY_PREFIX,
        connection_pool=connections,  # type: ignore[arg-type] # as documented
    )
    try:
        yield Attempts(storage, per_account, per_address)
    finally:
        await connections.aclose()
