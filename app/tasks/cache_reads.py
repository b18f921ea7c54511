"""Looking lists up in Redis: many at once, on one connection.

Most of what a lookup costs is the way there and back: system calls, turns of the event loop, a deadline, a
connection out of a pool. So all lookups of one turn are one question, the next one gathers while Redis
answers it, and one clock watches the oldest. Redis answers in the order in which it was asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any, NamedTuple, cast

import hiredis

from app.tasks.cache_connection import CacheDownError, RedisLink, Session, taken_over
from app.tasks.cache_scripts import lists_of

# What has arrived while this process was busy with something else is read before it gives up.
_GRACE_SECONDS = 0.005
_NOT_YET = object()


class CacheReads:
    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._wire: _Wire | None = None
        self._opening: asyncio.Task[_Wire] | None = None

    def find(self, user: str, query: str) -> Awaitable[bytes | None]:
        """Return the encoded entry of the run of Redis that answers, if it has it. Raises CacheDownError."""
        if self._wire is None or self._wire.is_lost:
            return self._open_and_find(user, query)
        return self._wire.find(user, query)

    async def _open_and_find(self, user: str, query: str) -> bytes | None:
        wire = await self._open()
        return await wire.find(user, query)

    def close(self) -> None:
        """Whoever still waits is told that Redis does not answer."""
        if self._opening is not None:
            self._opening.cancel()
        if self._wire is not None:
            self._wire.close()

    async def _open(self) -> _Wire:
        """One for all who find that there is none."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    async def _connect(self) -> _Wire:
        self._wire = _Wire(await self._link.connect(), self._link)
        return self._wire

    def _opened(self, opening: asyncio.Task[_Wire]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # those who waited for it have it, if they are still there


class _Asked(NamedTuple):
    at: float
    answer: asyncio.Future[bytes | None]


class _Wire(asyncio.Protocol):
    """A connection that the client library has opened, and whose transport is ours from then on."""

    def __init__(self, session: Session, link: RedisLink) -> None:
        self.is_lost = False
        self._session = session
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_NOT_YET)
        self._unsent: list[bytes] = []
        self._under_way = 0
        self._asked: deque[_Asked] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._is_last_turn = False
        self._writer = taken_over(session.connection)  # it closes its transport when nobody has it any more
        self._transport = cast("asyncio.Transport", self._writer.transport)
        self._stream = self._transport.get_protocol()
        self._transport.set_protocol(self)
        if self._transport.is_closing():
            self._end("closed the connection")

    def find(self, user: str, query: str) -> asyncio.Future[bytes | None]:
        """Look up a list with all others of this turn. The result may be a CacheDownError."""
        answer: asyncio.Future[bytes | None] = self._loop.create_future()
        if self.is_lost:
            answer.set_exception(CacheDownError())
            return answer
        self._asked.append(_Asked(self._loop.time(), answer))
        words = ("HGET", lists_of(user), self._session.field(query))
        self._unsent.append(hiredis.pack_command(words))  # type: ignore[arg-type] # it takes many words, too
        if len(self._unsent) == 1 and not self._under_way:
            self._loop.call_soon(self._send)
        if self._watch is None:
            self._watch = self._loop.call_later(self._link.timeout_seconds, self._look)
        return answer

    def close(self) -> None:
        """Whoever still waits is told that Redis does not answer."""
        self._end("closed")

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (answer := self._reader.gets()) is not _NOT_YET:
                self._under_way -= 1
                self._answer(self._asked.popleft().answer, answer)
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

    def _answer(self, future: asyncio.Future[bytes | None], answer: Any) -> None:
        if future.done():  # its reader has gone away
            return
        if isinstance(answer, hiredis.ReplyError):
            self._link.failed(str(answer))
            future.set_exception(CacheDownError())
        else:
            self._link.succeeded()
            future.set_result(answer)

    def _look(self) -> None:
        """Give up when the oldest question has waited for too long."""
        self._watch = None
        if not self._asked:
            return
        left = self._asked[0].at + self._link.timeout_seconds - self._loop.time()
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
        for asked in self._asked:
            if not asked.answer.done():
                asked.answer.set_exception(CacheDownError())
        self._asked.clear()
        self._unsent.clear()
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
