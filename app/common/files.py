"""Files that are read again when they change: keys are rotated without a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_EVERY_SECONDS = 1.0
_Stamp = tuple[tuple[int, int, int], ...]


class Reread:
    """Calls `read`, and again when one of the files is not what it was; if that raises, at each look."""

    def __init__(self, files: Sequence[Path], read: Callable[[], None]) -> None:
        self._files = files
        self._read = read
        self._seen = self._stamp()  # before it is read: what changes meanwhile is read once more
        read()

    async def look(self) -> None:
        stamp = self._stamp()
        if stamp != self._seen:
            self._read()
            self._seen = stamp

    def _stamp(self) -> _Stamp:
        found = [file.stat() for file in self._files]
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)
