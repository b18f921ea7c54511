from __future__ import annotations

import pytest

from tests.conftest import SETTINGS


@pytest.fixture(scope="session")
def stack_settings() -> dict[str, str]:
    """A wrong password after the other is what fuzzing is made of: 429 would hide all other answers."""
    return {**SETTINGS, "TASKYARD_AUTH_ATTEMPTS_PER_ACCOUNT": "1000000 per second"}
