"""A connection to Redis for many who ask at once: each gets its own answer, in time, or none.

Most of what a question costs is the way there and back: system calls, turns of the event loop, a deadline, a
connection out of a pool. So all commands of one turn are sent at once, the next ones gather while Redis
answers, and one clock watches the oldest. Redis answers in the order in which it was asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import hiredis
from redis.exceptions import NoScriptError

from app.tasks.cache_connection import CacheDownError, Opened, RedisLink, Script

# What has arrived while this process was busy with something else is read before it gives up.
_GRACE_SECONDS = 0.005
_NOT_YET = object()


# Gets an answer, or the error that is there instead of one: CacheDownError, NoScriptError. Must not raise.
Receive = Callable[[Any], None]


class _Asked(NamedTuple):
    at: float
    receive: Receive


class Wire(asyncio.Protocol):
    """A connection that the client library has opened, and whose transport is ours from then on."""

    def __init__(self, opened: Opened, link: RedisLink, patience: int = 1) -> None:
        self.is_lost = False
        self.run = opened.run
        self._link = link
        self._seconds = link.timeout_seconds * patience
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_NOT_YET)
        self._unsent: list[bytes] = []
        self._under_way = 0
        self._asked: deque[_Asked] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._is_last_turn = False
        self._writer = opened.stream  # it closes its transport when nobody has it any more
        self._transport = cast("asyncio.Transport", self._writer.transport)
        self._stream = self._transport.get_protocol()
        self._transport.set_protocol(self)
        if self._transport.is_closing():
            self._end("closed the connection")

    def field(self, query: str) -> str:
        """Return where this run keeps the list that a query finds, in the hash of a user's lists."""
        return f"{self.run} {query}"

    async def script(self, script: Script, keys: Sequence[str], *args: str | bytes | int) -> Any:
        """Run a script. Raises CacheDownError."""
        try:
            return await script.run(self.ask, keys, args)
        except NoScriptError as error:  # forgotten again, before it could be run
            raise CacheDownError from error

    def ask(self, *words: str | bytes | int) -> asyncio.Future[Any]:
        """Send a command. The result may be a CacheDownError, NoScriptError."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        self.send(partial(_settle, answer), *words)
        return answer

    def send(self, receive: Receive, *words: str | bytes | int) -> None:
        """Send a command with all others of this turn."""
        if self.is_lost:
            receive(CacheDownError())
            return
        self._asked.append(_Asked(self._loop.time(), receive))
        self._unsent.append(hiredis.pack_command(words))  # type: ignore[arg-type] # it takes many words, too
        if len(self._unsent) == 1 and not self._under_way:
            self._loop.call_soon(self._send)
        if self._watch is None:
            self._watch = self._loop.call_later(self._seconds, self._look)

    def close(self) -> None:
        """Whoever still waits is told that Redis does not answer."""
        self._end("closed")

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not _NOT_YET:
                self._under_way -= 1
                self._answer(self._asked.popleft().receive, answer)
            if not self._under_way:
                self._send()
        except (hiredis.ProtocolError, IndexError) as error:  # no Redis, or more than was asked for
            self._end(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc or "closed the connection"))
        self._stream.connection_lost(exc)

    def _send(self) -> None:
        if self._unsent and not self._transport.is_closing():
            self._under_way = len(self._unsent)
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def _answer(self, receive: Receive, answer: Any) -> None:
        if not isinstance(answer, hiredis.ReplyError):
            self._link.succeeded()
            receive(answer)
        elif str(answer).startswith("NOSCRIPT"):
            receive(NoScriptError(str(answer)))
        else:
            self._link.failed(str(answer))
            receive(CacheDownError())

    def _look(self) -> None:
        """Give up when the oldest question has waited for too long."""
        self._watch = None
        if not self._asked:
            return
        left = self._asked[0].at + self._seconds - self._loop.time()
        if left <= 0 and self._is_last_turn:
            self._end("too slow")
            return
        self._is_last_turn = left <= 0
        self._watch = self._loop.call_later(max(left, _GRACE_SECONDS), self._look)

    def _end(self, reason: str) -> None:
        """What comes later is nobody's answer."""
        if self.is_lost:
            return
        self.is_lost = True
        if self._asked:
            self._link.failed(reason)
        given_up = [*self._asked]
        self._asked.clear()
        self._unsent.clear()
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        for asked in given_up:
            asked.receive(CacheDownError())


class SharedWire:
    """One wire for all who ask: opened by the first who needs it, and anew when it was lost.

    Nobody waits for an answer, or for the connection, for longer than `patience` of the link's timeouts.
    """

    def __init__(self, link: RedisLink, patience: int = 1) -> None:
        self._link = link
        self._patience = patience
        self._wire: Wire | None = None
        self._opening: asyncio.Task[Wire] | None = None

    @property
    def current(self) -> Wire | None:
        """The wire, if there is one."""
        return None if self._wire is None or self._wire.is_lost else self._wire

    async def open(self) -> Wire:
        """Return the wire; all who find that there is none wait for the same one. Raises CacheDownError."""
        if (wire := self.current) is not None:
            return wire
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    async def script(self, script: Script, keys: Sequence[str], *args: str | bytes | int) -> Any:
        """Run a script. Raises CacheDownError."""
        wire = self.current or await self.open()
        return await wire.script(script, keys, *args)

    def close(self) -> None:
        """Whoever still waits is told that Redis does not answer."""
        if self._opening is not None:
            self._opening.cancel()
        if self._wire is not None:
            self._wire.close()

    async def _connect(self) -> Wire:
        self._wire = Wire(await self._link.connect(self._patience), self._link, self._patience)
        return self._wire

    def _opened(self, opening: asyncio.Task[Wire]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # those who waited for it have it, if they are still there


def _settle(answer: asyncio.Future[Any], received: Any) -> None:
    if answer.done():  # its reader has gone away
        return
    if isinstance(received, Exception):
        answer.set_exception(received)
    else:
        answer.set_result(received)
