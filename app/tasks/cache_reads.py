"""What readers ask of Redis: a list, the right to store one, to store it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NamedTuple

from app.tasks import cache_scripts
from app.tasks.cache_wire import Receive, SharedWire, Wire
from app.tasks.unique import unique

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

    def __init__(self, wire: SharedWire) -> None:
        self.wire = wire

    def find(self, user: str, query: str) -> Awaitable[bytes | None]:
        """Return the entry of the run of Redis that answers, if it has it."""
        wire = self.wire.current
        return self._open_and_find(user, query) if wire is None else self._found(wire, user, query)

    def look(self, wire: Wire, user: str, query: str, receive: Receive) -> None:
        """Have the entry, nothing or CacheDownError received."""
        wire.send(receive, "HGET", cache_scripts.lists_of(user), wire.field(query))

    async def lease(self, user: str, query: str, milliseconds: int) -> Lease | None:
        """Return the right to store a list; nothing while a writer is at work."""
        wire = await self.wire.open()
        token = await wire.script(cache_scripts.LEASE, cache_scripts.keys(user), unique(), milliseconds)
        return None if token is None else Lease(wire.field(query), wire.run, token)

    async def fill(self, user: str, lease: Lease, entry: bytes) -> None:
        """Store an entry, if the lease still holds and it is not too large."""
        if len(entry) > MAX_ENTRY_BYTES:
            return
        wire = await self.wire.open()
        if wire.run == lease.run:
            keys = cache_scripts.keys(user)[:2]
            await wire.script(cache_scripts.FILL, keys, lease.token, lease.field, entry, MAX_LISTS)

    def _found(self, wire: Wire, user: str, query: str) -> Awaitable[bytes | None]:
        return wire.ask("HGET", cache_scripts.lists_of(user), wire.field(query))

    async def _open_and_find(self, user: str, query: str) -> bytes | None:
        return await self._found(await self.wire.open(), user, query)
