"""What all tests share. `stack` is the whole product as real processes, one for each test process."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import servers
from tools.local_stack import LocalStack

# Generous where production is tight: a busy computer must not decide a test.
SETTINGS = {
    "TASKYARD_TASKS_REDIS_TIMEOUT_MS": "1000",
    "TASKYARD_LOG_LEVEL": "debug",
    "TASKYARD_AUTH_ATTEMPTS_PER_ADDRESS": "1000000 per second",  # every test comes from 127.0.0.1
}

# An address of this computer that plays a load balancer in front of the gateway.
LOAD_BALANCER = "127.0.0.9"
GATEWAY_OPTIONS = {"nginx_trusted_proxies": [LOAD_BALANCER]}

# Whose pages may call the API from a browser.
PAGE = "https://tasks.example.org"


@pytest.fixture(scope="session")
def stack_settings() -> dict[str, str]:
    return SETTINGS


@pytest.fixture(scope="session")
def gateway_options() -> dict[str, Any]:
    return GATEWAY_OPTIONS


@pytest.fixture(scope="session")
def stack(stack_settings: dict[str, str], gateway_options: dict[str, Any]) -> Iterator[LocalStack]:
    found = servers.find()
    folder = Path(tempfile.mkdtemp(prefix="taskyard-test-"))
    try:
        with LocalStack(
            found, folder, settings=stack_settings, gateway_options=gateway_options, cors_origins=[PAGE]
        ) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_unhandled_error(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a service did not expect is in its log, also when the client asked again and got an answer."""
    if "stack" not in request.fixturenames:
        yield
        return
    stack: LocalStack = request.getfixturevalue("stack")
    logs = [service.log for service in (*stack.auth, *stack.tasks)]
    before = {log: log.stat().st_size for log in logs}
    yield
    mistakes = [mistake for log in logs for mistake in unhandled_errors(log, before[log])]
    assert not mistakes, "\n".join(mistakes)


def unhandled_errors(log: Path, offset: int) -> Iterator[str]:
    with log.open("rb") as lines:
        lines.seek(offset)
        for line in lines:
            if b'"unhandled error"' in line:
                yield f"{log.stem}: {json.loads(line)['exception']}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
