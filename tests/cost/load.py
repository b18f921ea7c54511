"""Load on the gateway: connections that stay, the same list again and again."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench import load
from tests.bench.load import Asking, Load
from tools.cluster.shell import stop
from tools.smoke import User, expect

TASKS = 20
CONNECTIONS = 16
SECONDS = 6
WARM_SECONDS = 2
TRIES = 5


def send(url: str, token: str, seconds: int = SECONDS) -> Load:
    """Ask for the list for some seconds. Raises StopError."""
    with tempfile.NamedTemporaryFile("w", prefix="taskyard-cost-") as file:  # its mode is 0600
        file.write(f"{token}\n")
        file.flush()
        return load.send(url, Asking(Path(file.name), "one"), seconds, connections=CONNECTIONS)


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
