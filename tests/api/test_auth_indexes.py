"""What auth relies on MongoDB for: one account an address, sessions found quickly and gone when over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.local_stack import LocalStack

Indexes = Callable[[str], dict[str, Any]]


@pytest.fixture
def indexes(stack: LocalStack) -> Indexes:
    """Those that the running service made, by the database and its collection."""

    def of(name: str) -> dict[str, Any]:
        database, _, collection = name.partition(".")
        with stack.database.admin() as mongodb:
            return dict(mongodb[database][collection].index_information())

    return of


def test_an_address_has_one_account(indexes: Indexes) -> None:
    index = indexes("taskyard_auth.users")["email_1"]
    assert (index["key"], index["unique"]) == ([("email", 1)], True)


def test_a_refresh_token_has_one_session(indexes: Indexes) -> None:
    index = indexes("taskyard_auth.sessions")["selector_1"]
    assert (index["key"], index["unique"]) == ([("selector", 1)], True)


def test_a_users_sessions_are_an_indexs_in_the_order_of_their_last_use(indexes: Indexes) -> None:
    index = indexes("taskyard_auth.sessions")["user_1_last_used_at_-1"]
    assert index["key"] == [("user", 1), ("last_used_at", -1)]


@pytest.mark.parametrize("name", ["taskyard_auth.sessions", "taskyard_revocations.sessions"])
def test_mongodb_removes_what_is_over(indexes: Indexes, name: str) -> None:
    index = indexes(name)["expires_at_1"]
    assert (index["key"], index["expireAfterSeconds"]) == ([("expires_at", 1)], 0)
