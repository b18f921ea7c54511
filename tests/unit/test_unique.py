"""Names of leases and writers: another's would let an old list be stored, or a mark be cleared too soon."""

from __future__ import annotations

import subprocess
import sys

from app.tasks.unique import unique

_ASK = [sys.executable, "-c", "from app.tasks.unique import unique; print(unique(), unique())"]


def test_no_name_comes_twice() -> None:
    assert len({unique() for _ in range(10_000)}) == 10_000


def test_another_process_has_other_names() -> None:
    found = [
        name
        for _ in range(2)
        for name in subprocess.run(_ASK, capture_output=True, check=True, text=True).stdout.split()
    ]
    assert len({*found, unique()}) == 5
