"""What the tests that break something have in common."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.people import Person
from tools.local_process import Process
from tools.local_stack import LocalStack, free_ports, wait_until_ready
from tools.packages import ROOT


def dependencies(person: Person, url: str) -> tuple[int, dict[str, str]]:
    answer = person.at(url).get("/readyz")
    return answer.status_code, answer.json()["dependencies"]


def freeze_or_kill(process: Process, how: str) -> None:
    process.pause() if how == "frozen" else process.kill()


def post_and_die(
    stack: LocalStack, folder: Path, person: Person, point: str, body: Any, *, path: str, **headers: str
) -> None:
    """Send a POST to an instance of its own that dies at this point of it, see dying_writer.py."""
    (port,) = free_ports(1)
    environment = stack.service_environment("tasks", port)
    command = [sys.executable, "-m", "tests.api.dying_writer", point]
    process = Process("dying writer", command, folder / "dying_writer.log", environment, cwd=ROOT)
    process.start()
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(url, process, "/healthz")
    with pytest.raises(httpx.TransportError):
        person.at(url).post(path, json=body, headers=headers)
    assert process.wait() == -9
