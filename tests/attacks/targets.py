"""What is attacked: the stack of this computer, or a running cluster through its gateway (tests/audit)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tests.api.people import People, Served
from tests.attacks.wire import Endpoint
from tools.local_stack import LocalStack

# Where a request goes, by its first path: both are also asked through the gateway.
GATEWAY, AUTH, TASKS = "gateway", "auth", "tasks"


class Target(Served, Protocol):
    people: People
    client_address: str  # this computer's, as the target sees it

    def public_keys(self) -> bytes:
        """PEM: of those whose tokens are believed."""

    def endpoint(self, to: str) -> Endpoint:
        """Where the gateway or one of the services listens."""

    def log_lines(self, word: str) -> list[bytes]:
        """What the gateway and the task instances have logged with this word in it."""


class LocalTarget:
    client_address = "127.0.0.1"

    def __init__(self, stack: LocalStack) -> None:
        self.people = People(stack)
        self.gateway_url, self.private_key = stack.gateway_url, stack.private_key
        self._stack = stack

    def public_keys(self) -> bytes:
        return self._stack.public_keys.read_bytes()

    def endpoint(self, to: str) -> Endpoint:
        ports = self._stack.ports
        return Endpoint({GATEWAY: ports.gateway, AUTH: ports.auth[0], TASKS: ports.tasks[0]}[to])

    def logs(self) -> list[Path]:
        services = (*self._stack.auth, *self._stack.tasks)
        return [self._stack.folder / "nginx" / "access.log", *(service.log for service in services)]

    def log_lines(self, word: str) -> list[bytes]:
        lines = (line for log in self.logs() for line in log.read_bytes().splitlines())
        return [line for line in lines if word.encode() in line]
