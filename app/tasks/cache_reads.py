"""What readers ask of Redis: a list, the right to store one, to store it. They share a connection."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import NamedTuple

from app.tasks import cache_scripts
from app.tasks.cache_connection import RedisLink
from app.tasks.cache_wire import Receive, Wire

# What one user can make Redis hold: 8 MiB.
MAX_LISTS = 32
MAX_ENTRY_BYTES = 256 * 1024


class Lease(NamedTuple):
    """The right to store a list read from now on: in one run of Redis, until a write comes."""

    field: str
    run: str
    token: bytes


class CacheReads:
    """Every method raises CacheDownError."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._wire: Wire | None = None
        self._opening: asyncio.Task[Wire] | None = None

    @property
    def wire(self) -> Wire | None:
        """The connection, if there is one."""
        return None if self._wire is None or self._wire.is_lost else self._wire

    def find(self, user: str, query: str) -> Awaitable[bytes | None]:
        """Return the encoded entry of the run of Redis that answers, if it has it."""
        wire = self.wire
        return self._open_and_find(user, query) if wire is None else self._found(wire, user, query)

    def look(self, wire: Wire, user: str, query: str, receive: Receive) -> None:
        """Have the entry, nothing or CacheDownError received."""
        wire.send(receive, "HGET", cache_scripts.lists_of(user), wire.session.field(query))

    async def lease(self, user: str, query: str, milliseconds: int) -> Lease | None:
        """Return the right to store a list; nothing while a writer is at work."""
        wire = await self._open()
        made = secrets.token_hex(8)
        token = await wire.script(cache_scripts.LEASE, cache_scripts.keys(user), made, milliseconds)
        return None if token is None else Lease(wire.session.field(query), wire.session.run, token)

    async def fill(self, user: str, lease: Lease, entry: bytes) -> None:
        """Store an encoded entry, if the lease still holds and it is not too large."""
        if len(entry) > MAX_ENTRY_BYTES:
            return
        wire = await self._open()
        if wire.session.run == lease.run:
            keys = cache_scripts.keys(user)[:2]
            await wire.script(cache_scripts.FILL, keys, lease.token, lease.field, entry, MAX_LISTS)

    def close(self) -> None:
        """Whoever still waits is told that Redis does not answer."""
        if self._opening is not None:
            self._opening.cancel()
        if self._wire is not None:
            self._wire.close()

    def _found(self, wire: Wire, user: str, query: str) -> Awaitable[bytes | None]:
        return wire.ask("HGET", cache_scripts.lists_of(user), wire.session.field(query))

    async def _open_and_find(self, user: str, query: str) -> bytes | None:
        return await self._found(await self._open(), user, query)

    async def _open(self) -> Wire:
        """One for all who find that there is none."""
        if (wire := self.wire) is not None:
            return wire
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        return await asyncio.shield(self._opening)

    async def _connect(self) -> Wire:
        self._wire = Wire(await self._link.connect(), self._link)
        return self._wire

    def _opened(self, opening: asyncio.Task[Wire]) -> None:
        self._opening = None
        if not opening.cancelled():
            opening.exception()  # those who waited for it have it, if they are still there
