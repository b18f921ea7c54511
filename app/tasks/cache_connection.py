"""Talking to Redis: within a deadline, past a circuit breaker, knowing which run of which server answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic import SecretStr
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from app.common import timing
from app.common.redis_pool import pool
from app.tasks.breaker import Breaker

T = TypeVar("T")
# A read that gives up asks MongoDB, which costs little. A writer that gives up makes everybody ask MongoDB,
# and has to wait for a second: that is worth more patience.
WRITERS_PATIENCE = 4
_FAILURES = (RedisError, OSError, TimeoutError, RuntimeError)  # the last one for uvloop's closed transports


class CacheDownError(Exception):
    """Redis did not do what it was asked, or not in time. Whether it still will is not known."""


class Script:
    """A Lua script: sent by its digest, and by its text to a server that does not know it yet."""

    def __init__(self, text: str) -> None:
        self.text = text
        # The name that Redis gives it.
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def run(
        self, ask: Callable[..., Awaitable[Any]], keys: Sequence[str], args: Sequence[str | bytes | int]
    ) -> Any:
        """Run it by way of `ask`, which sends a command's words and returns the answer."""
        try:
            return await ask("EVALSHA", self.sha, len(keys), *keys, *args)
        except NoScriptError:
            await ask("SCRIPT", "LOAD", self.text)
            return await ask("EVALSHA", self.sha, len(keys), *keys, *args)


@dataclass(frozen=True, slots=True)
class Session:
    """One connection while somebody talks on it. `run` names the data set that is asked, see `_learn_run`."""

    connection: AbstractConnection
    run: str

    def field(self, query: str) -> str:
        """Return where this run keeps the list that a query finds, in the hash of a user's lists."""
        return f"{self.run} {query}"

    async def command(self, *words: str | bytes | int) -> Any:
        await self.connection.send_command(*words)
        return await self.connection.read_response()

    async def script(self, script: Script, keys: Sequence[str], *args: str | bytes | int) -> Any:
        return await script.run(self.command, keys, args)


def taken_over(connection: AbstractConnection) -> asyncio.StreamWriter:
    """Take an open connection's stream from the library, which has nothing to do with it from then on."""
    writer = connection._writer  # noqa: SLF001 - the library has no public name for it
    connection._reader = connection._writer = None  # noqa: SLF001 - nor for this: it would close the stream
    if writer is None:  # it is closed again already
        raise CacheDownError
    return writer


class RedisLink:
    """The pool of connections. Redis need not answer yet: connections are made when they are needed."""

    def __init__(self, url: SecretStr, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._breaker = Breaker()
        self._runs: WeakKeyDictionary[AbstractConnection, str] = WeakKeyDictionary()
        self._pool = pool(url, timeout_seconds * WRITERS_PATIENCE, self._learn_run)

    def allows(self) -> bool:
        """Return whether a read should ask Redis now."""
        return self._breaker.allows()

    async def talk(self, conversation: Callable[[Session], Awaitable[T]], patience: int = 1) -> T:
        """Raises CacheDownError, for whatever reason Redis did not answer within `patience` timeouts."""
        try:
            with timing.measured("cache"):
                answer = await self._talk(conversation, self.timeout_seconds * patience)
        except _FAILURES as error:
            self.failed(str(error))
            raise CacheDownError from error
        self.succeeded()
        return answer

    async def connect(self) -> Session:
        """Open a connection that is nobody else's, within a deadline. Raises CacheDownError."""
        connection = self._pool.make_connection()  # type: ignore[no-untyped-call] # redis-py's
        try:
            async with asyncio.timeout(self.timeout_seconds):
                await connection.connect()
        except _FAILURES as error:
            await connection.disconnect(nowait=True)
            self.failed(str(error))
            raise CacheDownError from error
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return Session(connection, self._runs[connection])

    def failed(self, reason: str) -> None:
        """Redis did not answer."""
        self._breaker.failed(reason or "too slow")

    def succeeded(self) -> None:
        """Redis has answered."""
        self._breaker.succeeded()

    async def close(self) -> None:
        await self._pool.aclose()

    async def _talk(self, conversation: Callable[[Session], Awaitable[T]], seconds: float) -> T:
        connection: AbstractConnection | None = None
        try:
            async with asyncio.timeout(seconds):
                connection = await self._pool.get_connection()  # type: ignore[no-untyped-call] # redis-py's
                return await conversation(Session(connection, self._runs[connection]))
        except ResponseError:
            raise  # an answer: the connection is in step
        except BaseException:
            if connection is not None:
                await connection.disconnect(nowait=True)
            raise
        finally:
            if connection is not None:  # outside of the deadline, which would leave it in use for ever
                await self._pool.release(connection)

    async def _learn_run(self, connection: AbstractConnection) -> None:
        """Name the run: `run_id` is new in every process, `master_replid` with every promotion."""
        try:
            await connection.on_connect()
            await connection.send_command("INFO", "server", "replication")
            told = (await connection.read_response()).decode()
        except BaseException:  # half a greeting must not go back into the pool as a connection
            await connection.disconnect(nowait=True)
            raise
        facts = dict(line.partition(":")[::2] for line in told.splitlines())
        identity = f"{facts['run_id']} {facts['master_replid']}".encode()
        self._runs[connection] = hashlib.blake2b(identity, digest_size=8).hexdigest()
