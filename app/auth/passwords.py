"""Password hashes: argon2id with OWASP's parameters, away from the event loop, a few at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.common.problems import ProblemError

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. About 30 ms of one core.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_T = TypeVar("_T")
_AT_ONCE = 2
_MAX_WAITING = 64


class Passwords:
    """Bounded twice: threads that hash, and requests that wait for one. More than that are sent away."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        self._dummy = _HASHER.hash(secrets.token_hex(16))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        return await self._run(lambda: _HASHER.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Check a password. Without a hash (no such user) the same work is done: the time tells nothing."""
        matches = await self._run(lambda: _matches(password_hash or self._dummy, password))
        return matches and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        return _HASHER.check_needs_rehash(password_hash)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._waiting >= _MAX_WAITING:
            raise ProblemError(503, "too many sign-ins at the moment", {"Retry-After": "2"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
