"""Load on the gateway: one client program (wrk), connections that stay, the same list again and again."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.shell import stop
from tools.smoke import User, expect

TASKS = 20
CONNECTIONS = 16
SECONDS = 6
WARM_SECONDS = 2
# So much of the answers has to come from the cache; a computer that is busy otherwise gets more tries.
ENOUGH = 0.99
TRIES = 5
SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True)
class Load:
    """What wrk saw."""

    requests: int
    hits: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def read(cls, text: str) -> Load:
        """The last line that wrk prints with our script."""
        return cls(**json.loads(text.splitlines()[-1]))

    @property
    def is_measure(self) -> bool:
        """Whether nearly all answers came from the cache."""
        return not self.errors and 0 < self.requests * ENOUGH <= self.hits


def send(url: str, token: str, seconds: int = SECONDS) -> Load:
    """Ask for the list for some seconds. wrk trusts any certificate. Raises StopError."""
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--timeout", "10s"]
    command += ["--duration", f"{seconds}s"]
    done = subprocess.run(
        [*command, "--script", str(SCRIPT), f"{url}/tasks"],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C does not end it in the middle
        env={**os.environ, "COST_TOKEN": token},
    )
    if done.returncode or not done.stdout:
        stop("wrk failed:", *done.stderr.strip().splitlines())
    return Load.read(done.stdout)


def make_list(user: User) -> int:
    """Give somebody 20 tasks. Returns the size of the list in bytes."""
    tasks = [{"title": f"Task {number}", "tags": ["cost"]} for number in range(TASKS)]
    expect(user.call("POST", "/tasks/bulk", json=tasks), 201)
    return len(expect(user.call("GET", "/tasks"), 200).content)


def wait_for_hits(user: User, instances: int, patience: float = 60) -> None:
    """Wait until every instance answers from Redis again. Raises StopError."""
    deadline, answered = time.monotonic() + patience, set[str]()
    while len(answered) < instances:
        if time.monotonic() > deadline:
            stop(f"after {patience:.0f} s only {sorted(answered)} answer from Redis.")
        response = user.call("GET", "/tasks")
        if response.headers.get("x-cache") == "HIT":
            answered.add(response.headers["x-served-by"])
