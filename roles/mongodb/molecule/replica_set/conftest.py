"""What the tests of this scenario ask of the set."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from testinfra.host import Host

Ask = Callable[..., dict[str, Any]]
# Prints what the set's primary answers, or this machine alone (directConnection).
CLIENT = """
import json, sys
from pymongo import MongoClient
database, command, how = sys.argv[1], *map(json.loads, sys.argv[2:])
how |= {"tls": True, "tlsCAFile": "/etc/mongodb/authorities.pem"}
with MongoClient("localhost", 27017, username="admin", password="the-administrator", **how) as client:
    print(json.dumps(client[database].command(command), default=str))
"""


@pytest.fixture(scope="session")
def ask() -> Ask:
    """A command to the set, from a machine; or to that machine alone (directConnection)."""

    def to(machine: Host, command: Mapping[str, Any], database: str = "admin", **how: Any) -> dict[str, Any]:
        python = machine.check_output("ls /opt/taskyard/admin/*/venv/bin/python")
        said = [json.dumps(each) for each in (command, how or {"replicaSet": "taskyard"})]
        answer: dict[str, Any] = json.loads(
            machine.check_output("%s -c %s %s %s %s", python, CLIENT, database, *said)
        )
        return answer

    return to


@pytest.fixture
def members(machine: Host, ask: Ask) -> dict[str, str]:
    """{a: PRIMARY, b: SECONDARY} of the members."""
    found = ask(machine, {"replSetGetStatus": 1})["members"]
    return {member["name"].partition(":")[0][-1]: member["stateStr"] for member in found}
