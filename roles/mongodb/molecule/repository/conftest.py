"""What the tests of this scenario ask of the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

Ask = Callable[..., dict[str, Any]]
# Prints what came of a command, or the error's number.
CLIENT = """
import json, sys
from pymongo import MongoClient
from pymongo.errors import OperationFailure
database, command, who = sys.argv[1], *map(json.loads, sys.argv[2:])
who |= {"tls": True, "tlsCAFile": "/etc/mongodb/authorities.pem"}
with MongoClient("localhost", 27017, replicaSet="taskyard", **who) as client:
    try:
        answer = client[database].command(command)
    except OperationFailure as error:
        answer = {"code": error.code}
print(json.dumps(answer, default=str))
"""


@pytest.fixture(scope="session")
def ask(machine: Host) -> Ask:
    """A command to the set, as the task service."""

    def to(command: dict[str, Any], database: str = "taskyard_tasks", **who: str) -> dict[str, Any]:
        service = {"username": "tasks", "password": "the-task-service", "authSource": "taskyard_tasks"}
        python = machine.check_output("ls /opt/taskyard/admin/*/venv/bin/python")
        said = [json.dumps(each) for each in (command, service | who)]
        answer: dict[str, Any] = json.loads(
            machine.check_output("%s -c %s %s %s %s", python, CLIENT, database, *said)
        )
        return answer

    return to


@pytest.fixture
def policy(machine: Host) -> dict[str, str]:
    """What apt thinks of the package: {Installed, Candidate, …}, when its list has just been read."""
    machine.run_expect([0], "apt-get update --error-on=any")
    lines = machine.check_output("apt-cache policy mongodb-org-server").splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
