"""Load at a constant rate, whether the answers come in time or not.

A client that waits for an answer before it asks again asks less when the server is slow, and so hides what
its users would see ("coordinated omission", Gil Tene: https://github.com/giltene/wrk2#readme). Here each
request has its moment, and its latency counts from then, also if no connection was free.
"""

from __future__ import annotations

import asyncio
import gc
import math
import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import uvloop

_MOST_CONNECTIONS = 256
# uvloop wakes up at whole milliseconds, and its clock shows no more: requests of one tick are due together.
_TICK_SECONDS = 0.001
# What has no answer by then has failed.
_PATIENCE_SECONDS = 10
_now = time.perf_counter


@dataclass(frozen=True)
class Latencies:
    """Seconds by request, in the order of the answers, and how many were not what was meant."""

    seconds: Sequence[float]
    failed: int

    def percentile(self, percent: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def lists(url: str, tokens: Sequence[str]) -> list[bytes]:
    """Requests for the lists of these."""
    host = urlsplit(url).netloc
    return [
        f"GET /tasks HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        for token in tokens
    ]


def ask(url: str, requests: Sequence[bytes], rate: float, seconds: float, meant: bytes = b"") -> Latencies:
    """Send these in turn, `rate` of them a second. A 200 with `meant` in its head is what is meant."""
    # This process may keep so much that looking through it takes as long as hundreds of answers: they would
    # all seem to be late.
    gc.disable()
    try:
        return uvloop.run(_ask(url, requests, rate, seconds, meant.lower()))
    finally:
        gc.enable()


class _Connection(asyncio.Protocol):
    def __init__(self, done: deque[_Connection], answered: list[tuple[float, bool]], meant: bytes) -> None:
        self._free, self._answered, self._meant = done, answered, meant
        self._transport: asyncio.Transport | None = None
        self._due, self._received, self._wanted, self._is_meant = 0.0, bytearray(), 0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due: float) -> None:
        assert self._transport
        self._due, self._wanted = due, 0
        self._received.clear()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._wanted and (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end]).lower()
            length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
            self._wanted = end + 4 + int(length or 0)
            self._is_meant = head.startswith(b"http/1.1 200 ") and self._meant in head
        if self._wanted and len(self._received) >= self._wanted:
            took = _now() - self._due
            self._answered.append((took, self._is_meant))
            self._free.append(self)


async def _ask(url: str, requests: Sequence[bytes], rate: float, seconds: float, meant: bytes) -> Latencies:
    at, loop = urlsplit(url), asyncio.get_running_loop()
    is_encrypted = at.scheme == "https"
    where = (at.hostname or "", at.port or (443 if is_encrypted else 80))
    trust = ssl._create_unverified_context() if is_encrypted else None  # as wrk does
    free: deque[_Connection] = deque()
    answered: list[tuple[float, bool]] = []
    opened = [
        await loop.create_connection(lambda: _Connection(free, answered, meant), *where, ssl=trust)
        for _ in range(_MOST_CONNECTIONS)
    ]
    free.extend(connection for _, connection in opened)
    began, sent, count = _now(), 0, int(rate * seconds)
    while len(answered) < count and _now() < began + 3 * seconds + _PATIENCE_SECONDS:
        now = _now()
        while sent < count and free:
            due = began + math.ceil(sent / rate / _TICK_SECONDS) * _TICK_SECONDS
            if due > now:
                break
            free.popleft().send(requests[sent % len(requests)], due)
            sent += 1
        await asyncio.sleep(_TICK_SECONDS)
    for transport, _ in opened:
        transport.abort()
    missing = count - len(answered)
    return Latencies([took for took, _ in answered], missing + sum(not is_ok for _, is_ok in answered))
