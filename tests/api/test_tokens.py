from __future__ import annotations

import pytest

from app.common.keys import read_private_key
from tests.api.people import Person
from tests.forging import TRICKS, forge
from tools.local_stack import LocalStack


def forged(stack: LocalStack, how: str, user: str) -> str:
    return forge(read_private_key(stack.private_key), stack.public_keys.read_bytes(), how, user)


@pytest.mark.parametrize("path", ["/tasks", "/auth/me"])
@pytest.mark.parametrize(
    "how",
    TRICKS,
)
def test_a_forged_token_is_refused(stack: LocalStack, anna: Person, how: str, path: str) -> None:
    token = forged(stack, how, anna.id)
    answer = anna.gateway.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_forger_could_have_made_a_good_one(stack: LocalStack, anna: Person) -> None:
    token = forged(stack, "nothing", anna.id)
    assert anna.gateway.get("/tasks", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer a.b.c", "Bearer " + "x" * 6000])
def test_a_missing_or_broken_token_is_refused(anna: Person, header: str | None) -> None:
    anna.gateway.headers.pop("Authorization")
    answer = anna.gateway.get("/tasks", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
