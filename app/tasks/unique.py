"""Names that nobody else has: of leases, and of writers at work."""

from __future__ import annotations

import itertools
import secrets

_PROCESS = secrets.token_hex(8)
_numbers = itertools.count()


def unique() -> str:
    """Return a new one: this process, and a number.

    Random bytes for each would have the system asked each time: the event loop hands the interpreter over to
    the threads of MongoDB's driver for that, and has to wait until it gets it back.
    """
    return f"{_PROCESS}{next(_numbers):x}"
