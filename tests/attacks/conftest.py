from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.attacks.attack import Scene
from tests.attacks.targets import LocalTarget
from tests.conftest import GATEWAY_OPTIONS, SETTINGS
from tools.local_stack import LocalStack

# Seconds that a client may be silent: fewer than in production, so that the end is seen.
PATIENCE = 2
# Requests that one address may have under way.
REQUESTS = 50


@pytest.fixture(scope="session")
def gateway_options() -> dict[str, Any]:
    return {
        **GATEWAY_OPTIONS,
        "nginx_client_timeout": f"{PATIENCE}s",
        "nginx_client_requests": REQUESTS,
    }


@pytest.fixture(scope="session")
def stack_settings() -> dict[str, str]:
    """A wrong password after the other: 429 would hide all other answers."""
    return {**SETTINGS, "TASKYARD_AUTH_ATTEMPTS_PER_ACCOUNT": "1000000 per second"}


@pytest.fixture(scope="session")
def target(stack: LocalStack) -> LocalTarget:
    """Once: reading the key that signs people's tokens takes longer than most attacks."""
    return LocalTarget(stack)


@pytest.fixture
def scene(target: LocalTarget) -> Iterator[Scene]:
    person = target.people.new()
    yield Scene(target, person, secrets.token_hex(8))
    person.close()
