"""Each service can do what it does with its data, and no more: the other's account tries the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tools.local_mongod import Mongod

UNAUTHORIZED = 13
REVOCATIONS = {
    "update": "sessions",
    "updates": [{"q": {"_id": "x"}, "u": {"$set": {"a": 1}}, "upsert": True}],
}
DELETIONS = {"insert": "accounts", "documents": [{"_id": "nobody-of-this-test"}]}


def attempt(mongodb: Mongod, user: str, database: str, command: dict[str, Any]) -> int:
    """The number of the error that a service's account gets, or 0."""
    with MongoClient[dict[str, Any]](mongodb.uri(user), serverSelectionTimeoutMS=5000) as client:
        try:
            client[database].command(command)
        except OperationFailure as error:
            return error.code or -1
    return 0


@pytest.mark.parametrize(
    ("user", "database", "command"),
    [
        ("auth", "taskyard_tasks", {"find": "tasks"}),
        ("auth", "taskyard_tasks", {"insert": "tasks", "documents": [{}]}),
        ("tasks", "taskyard_auth", {"find": "users"}),
        ("tasks", "taskyard_auth", {"find": "sessions"}),
        ("tasks", "taskyard_auth", {"count": "users"}),
        ("tasks", "taskyard_auth", {"aggregate": "users", "pipeline": [], "cursor": {}}),
        # By way of a collection of its own.
        (
            "tasks",
            "taskyard_tasks",
            {
                "aggregate": "tasks",
                "pipeline": [
                    {"$unionWith": {"coll": "users"}},
                    {"$out": {"db": "taskyard_auth", "coll": "users"}},
                ],
                "cursor": {},
            },
        ),
        # Ended sessions are auth's to write, accounts that are gone the task service's to take out.
        ("tasks", "taskyard_revocations", REVOCATIONS),
        ("tasks", "taskyard_revocations", {"delete": "sessions", "deletes": [{"q": {}, "limit": 0}]}),
        ("tasks", "taskyard_deletions", DELETIONS),
        ("auth", "taskyard_deletions", {"find": "accounts"}),
        ("auth", "taskyard_deletions", {"delete": "accounts", "deletes": [{"q": {}, "limit": 0}]}),
        ("auth", "taskyard_revocations", {"delete": "sessions", "deletes": [{"q": {}, "limit": 0}]}),
        *(
            (user, database, command)
            for user, database in (("auth", "taskyard_auth"), ("tasks", "taskyard_tasks"))
            for command in (
                {"dropDatabase": 1},
                {"drop": "users" if user == "auth" else "tasks"},
                {"dropIndexes": "tasks", "index": "*"},
                {"usersInfo": 1},
                {"createUser": "another", "pwd": "password", "roles": []},
                {"updateUser": user, "roles": ["root"]},
                {"grantRolesToUser": user, "roles": ["readWrite"]},
                {"collMod": "tasks", "validator": {}},
            )
        ),
        *(
            (user, "admin", command)
            for user in ("auth", "tasks")
            for command in (
                {"find": "system.users"},
                {"listDatabases": 1, "nameOnly": False, "authorizedDatabases": False},
                {"getParameter": "*"},
                {"getLog": "global"},
                {"shutdown": 1},
                {"replSetGetConfig": 1},
                {"serverStatus": 1},
                {"rotateCertificates": 1},
            )
        ),
        *((user, "local", {"find": "oplog.rs"}) for user in ("auth", "tasks")),
    ],
)
def test_a_service_may_not(mongodb: Mongod, user: str, database: str, command: dict[str, Any]) -> None:
    assert attempt(mongodb, user, database, command) == UNAUTHORIZED


@pytest.mark.parametrize(
    ("user", "database", "command"),
    [
        ("auth", "taskyard_auth", {"find": "users", "limit": 1}),
        ("tasks", "taskyard_tasks", {"find": "tasks", "limit": 1}),
        ("tasks", "taskyard_revocations", {"find": "sessions", "limit": 1}),
        ("tasks", "taskyard_deletions", {"find": "accounts", "limit": 1}),
    ],
)
def test_a_service_may(mongodb: Mongod, user: str, database: str, command: dict[str, Any]) -> None:
    assert attempt(mongodb, user, database, command) == 0
