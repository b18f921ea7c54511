"""Bytes to a port and back, as they are, by TLS or not: a client library would refuse most of this."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

# How long is waited for another answer, to what was sent as one request and may have been read as two.
_LINGER_SECONDS = 0.15


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Exchange:
    answers: list[Answer]
    rest: bytes  # what is no answer
    seconds: float  # until the first answer was complete
    closed: bool  # by the other side


@dataclass(frozen=True)
class Endpoint:
    """Where bytes go: a port, of this computer unless a host is named; by TLS where somebody is trusted."""

    port: int
    host: str = "127.0.0.1"
    trust: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.trust else 'http'}://{self.host}:{self.port}"

    def open(self, patience: float, address: str = "") -> socket.socket:
        """Connect, from this address if one is given. Raises OSError."""
        source = (address, 0) if address else None
        plain = socket.create_connection((self.host, self.port), patience, source)
        return self.trust.wrap_socket(plain, server_hostname=self.host) if self.trust else plain


def exchange(to: Endpoint, data: bytes, patience: float = 10, address: str = "") -> Exchange:
    """Send, and read until the other side has nothing more to say."""
    began = time.monotonic()
    received, first, closed = b"", 0.0, False
    with to.open(patience, address) as connection:
        # Refused before all of it was there: the answer tells why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            connection.sendall(data)
        while not closed:
            waiting = _LINGER_SECONDS if first else patience
            if not _has_come(connection, waiting):
                break
            try:
                chunk = connection.recv(1 << 20)
            except (ConnectionResetError, ssl.SSLError):
                chunk = b""
            received += chunk
            closed = not chunk
            if not first and (closed or split(received)[0]):
                first = time.monotonic() - began
    answers, rest = split(received)
    return Exchange(answers, rest, first or time.monotonic() - began, closed)


def _has_come(connection: socket.socket, seconds: float) -> bool:
    """Whether there is something to read within so many seconds; TLS may have read it already."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    return bool(select.select([connection], [], [], seconds)[0])


def split(received: bytes) -> tuple[list[Answer], bytes]:
    """Find the answers in what has come, one after the other by their lengths."""
    answers: list[Answer] = []
    while received.startswith(b"HTTP/1.") and b"\r\n\r\n" in received:
        head, _, rest = received.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        pairs = [(name, value.strip()) for name, _, value in (field.partition(":") for field in fields)]
        lengths = [int(value) for name, value in pairs if name.lower() == "content-length"]
        if not lengths or len(rest) < lengths[0]:
            break
        answers.append(Answer(int(line.split()[1]), pairs, rest[: lengths[0]]))
        received = rest[lengths[0] :]
    return answers, received
