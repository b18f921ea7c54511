"""Bytes to a port and bytes back, as they are: a client library would refuse to send most of this."""

from __future__ import annotations

import contextlib
import json
import select
import socket
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


def exchange(port: int, data: bytes, patience: float = 10, address: str = "127.0.0.1") -> Exchange:
    """Send, and read until the other side has nothing more to say."""
    began = time.monotonic()
    received, first, closed = b"", 0.0, False
    with socket.create_connection(("127.0.0.1", port), patience, source_address=(address, 0)) as connection:
        # Refused before all of it was there: the answer tells why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        while not closed:
            waiting = _LINGER_SECONDS if first else patience
            if not select.select([connection], [], [], waiting)[0]:
                break
            try:
                chunk = connection.recv(1 << 20)
            except ConnectionResetError:
                chunk = b""
            received += chunk
            closed = not chunk
            if not first and (closed or split(received)[0]):
                first = time.monotonic() - began
    answers, rest = split(received)
    return Exchange(answers, rest, first or time.monotonic() - began, closed)


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
