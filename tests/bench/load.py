"""Load by wrk: as many requests as are answered, on connections that stay."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.cluster.shell import stop

CONNECTIONS = 64
# So much of the answers has to be what is measured; a computer that is busy otherwise gets more tries.
_ENOUGH = 0.99
SCRIPT = Path(__file__).with_name("wrk.lua")
Order = Literal["one", "each", "zipf"]


@dataclass(frozen=True)
class Asking:
    """Who asks for what: see wrk.lua."""

    users: Path
    order: Order
    body: str = ""
    every: int = 1


@dataclass(frozen=True)
class Load:
    """What wrk saw. `hits` are lists out of the cache (also 304) and tasks that were made."""

    requests: int
    hits: int
    misses: int
    others: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def read(cls, text: str) -> Load:
        """The last line that wrk prints with our script."""
        return cls(**json.loads(text.splitlines()[-1]))

    def is_about(self, meant: int) -> bool:
        """Whether nearly all answers were what is measured, of which there were so many."""
        return not self.errors and 0 < self.requests * _ENOUGH <= meant

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def send(
    url: str,
    asking: Asking,
    seconds: float,
    *,
    connections: int = CONNECTIONS,
    prefix: Sequence[str] = (),
) -> Load:
    """Ask for some seconds. wrk trusts any certificate. Raises StopError."""
    command = [*prefix, "wrk", "--threads", "1", "--connections", str(connections), "--timeout", "10s"]
    command += ["--duration", f"{seconds:g}s", "--script", str(SCRIPT), f"{url}/tasks"]
    environment = {**os.environ, "LOAD_FILE": str(asking.users), "LOAD_ORDER": asking.order}
    if asking.body:
        environment |= {"LOAD_BODY": asking.body, "LOAD_EVERY": str(asking.every)}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C does not end it in the middle
        env=environment,
    )
    if done.returncode or not done.stdout:
        stop("wrk failed:", *(done.stderr or done.stdout).strip().splitlines())
    return Load.read(done.stdout)
