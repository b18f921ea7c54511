"""Connections to Redis: in time, past a circuit breaker, knowing which run of which server answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from pydantic import SecretStr
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, RedisError

from app.common.redis_pool import pool
from app.tasks.breaker import Breaker

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


class Opened(NamedTuple):
    """A connection that Redis has greeted. `run` names the data set that is asked, see `_run_of`."""

    stream: asyncio.StreamWriter
    run: str


class RedisLink:
    """The way to Redis. It need not answer yet: connections are made when they are needed."""

    def __init__(self, url: SecretStr, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._breaker = Breaker()
        # It knows the address, the account and the certificates; what it makes is nobody else's.
        self._library = pool(url, timeout_seconds * WRITERS_PATIENCE)

    def allows(self) -> bool:
        """Return whether a read should ask Redis now."""
        return self._breaker.allows()

    async def connect(self, patience: int = 1) -> Opened:
        """Raises CacheDownError, for whatever reason it is not there within `patience` timeouts."""
        connection = self._library.make_connection()  # type: ignore[no-untyped-call] # redis-py's
        try:
            async with asyncio.timeout(self.timeout_seconds * patience):
                await connection.connect()
                run = await _run_of(connection)
                return Opened(_taken_over(connection), run)
        except _FAILURES as error:
            self.failed(str(error))
            raise CacheDownError from error
        finally:
            await connection.disconnect(nowait=True)  # whatever is not taken over

    def failed(self, reason: str) -> None:
        """Redis did not answer."""
        self._breaker.failed(reason or "too slow")

    def succeeded(self) -> None:
        """Redis has answered."""
        self._breaker.succeeded()


async def _run_of(connection: AbstractConnection) -> str:
    """Name the run: `run_id` is new in every process, `master_replid` with every promotion."""
    await connection.send_command("INFO", "server", "replication")
    told = (await connection.read_response()).decode()
    facts = dict(line.partition(":")[::2] for line in told.splitlines())
    identity = f"{facts['run_id']} {facts['master_replid']}".encode()
    return hashlib.blake2b(identity, digest_size=8).hexdigest()


def _taken_over(connection: AbstractConnection) -> asyncio.StreamWriter:
    """Take an open connection's stream from the library, which has nothing to do with it from then on.

    Raises ConnectionError: it is closed again already.
    """
    writer = connection._writer  # noqa: SLF001 - the library has no public name for it
    connection._reader = connection._writer = None  # noqa: SLF001 - nor for this: it would close the stream
    if writer is None:
        raise ConnectionError("closed the connection")
    return writer
