"""Headers as HTTP has them, one a line, and as ASGI has them: pairs of name and value."""

from __future__ import annotations

from collections.abc import Iterable

Pairs = Iterable[tuple[bytes, bytes]]


def lines(headers: Pairs) -> bytes:
    """Return each header with the end of its line."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def pairs(headers: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of which `lines` has made these."""
    found = (line.partition(b": ") for line in headers.split(b"\r\n")[:-1])
    return [(name, value) for name, _, value in found]
