"""A page of a list as it is sent, which is also how Redis keeps it: whoever finds it sends it as it is."""

from __future__ import annotations

from typing import NamedTuple, Self

# Clients may keep what they read, and have to ask whether it is still so (RFC 9111, 5.2.2).
CACHE_CONTROL = "private, no-cache"
_BEGINNING, _LENGTH = b"etag: ", b"content-length: "
_HEAD = (
    b"%b%b\r\nlink: %b\r\nx-total-count: %d\r\ncache-control: %b\r\n"
    b"%b%d\r\ncontent-type: application/json\r\n\r\n"
)


class Entry(NamedTuple):
    """Lines of headers, those that a 304 leaves out behind the others; an empty line; the JSON array."""

    sent: bytes

    @classmethod
    def of(cls, total: int, etag: bytes, links: bytes, body: bytes) -> Self:
        """Make an entry.

        `total` counts the tasks that the query finds on all pages; `etag` is the quoted entity tag (RFC
        9110); `links` is the value of Link (RFC 8288).
        """
        head = (_BEGINNING, etag, links, total, CACHE_CONTROL.encode(), _LENGTH, len(body))
        return cls(_HEAD % head + body)

    @classmethod
    def read(cls, stored: bytes | None) -> Self | None:
        """Return nothing for what no `of` has made, such as another release's entry."""
        return cls(stored) if stored is not None and stored.startswith(_BEGINNING) else None

    @property
    def etag(self) -> bytes:
        return self.sent[len(_BEGINNING) : self.sent.index(b"\r")]

    @property
    def head(self) -> bytes:
        """The lines of the headers that a 304 has, too (RFC 9110, 15.4.5)."""
        return self.sent[: self.sent.index(_LENGTH)]
