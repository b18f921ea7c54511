"""A wire to a server that can be cut and mended while the server itself goes on for others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from tools.local_stack import free_ports


class Relay:
    """Passes bytes from `port` on to another port of 127.0.0.1, both ways."""

    def __init__(self, to: int) -> None:
        self._to = to
        (self.port,) = free_ports(1)
        self._listener: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()

    async def mend(self) -> Self:
        self._listener = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        return self

    async def cut(self) -> None:
        """Refuse new connections and reset those that there are."""
        if self._listener:
            self._listener.close()
        for task in self._passing:
            task.cancel()
        if self._passing:
            await asyncio.wait(self._passing)

    def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_both_ways(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
                await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
            finally:
                writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.transport.abort()


@asynccontextmanager
async def relay(to: int) -> AsyncIterator[Relay]:
    wire = await Relay(to).mend()
    try:
        yield wire
    finally:
        await wire.cut()
