"""A lean HTTP/1.1 client: one connection, one request at a time. A million requests should cost little."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

SECONDS = 20.0


class RequestError(Exception):
    """There was no whole answer: whether the request was carried out is not known."""


@dataclass(slots=True)
class Answer:
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)  # names in lower case
    body: bytes = b""


class Client:
    """Opens its connection when it needs one, and never sends a request twice."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._address = (str(parts.hostname), parts.port or 80)
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        self._connection: _Connection | None = None

    async def request(self, method: str, path: str, body: bytes = b"", unless: bytes | None = None) -> Answer:
        """Ask, `unless` the entity tag is still right (If-None-Match). Raises RequestError."""
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        if unless is not None:
            content += f"If-None-Match: {unless.decode()}\r\n"
        message = f"{method} {path} HTTP/1.1\r\n{self._head}{content}\r\n".encode() + body
        try:
            async with asyncio.timeout(SECONDS):
                if self._connection is None or not self._connection.reusable:
                    loop = asyncio.get_running_loop()
                    _, self._connection = await loop.create_connection(_Connection, *self._address)
                answer = await self._connection.ask(message)
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
            self.close()
            raise RequestError(str(error)) from error
        if not self._connection.reusable:
            self.close()
        return answer

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None


class _Connection(asyncio.Protocol):
    """Also what httptools tells while it parses: the methods that begin with on_."""

    def __init__(self) -> None:
        self.reusable = True
        self._answer = Answer()
        self._waiting: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by name
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def ask(self, message: bytes) -> Answer:
        if not self.reusable:
            raise ConnectionResetError("the connection was closed before the request")
        self._answer = Answer()
        self._parser = httptools.HttpResponseParser(self)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._waiting

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.reusable = False
        self._fail(error or ConnectionResetError("closed"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.lower()] = value

    def on_body(self, part: bytes) -> None:
        self._answer.body += part

    def on_message_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        self.reusable = self.reusable and self._parser.should_keep_alive()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(self._answer)

    def _fail(self, error: Exception) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(error)
