"""The database as it runs: who gets in, what listens, and what a restart leaves."""

import json
from typing import Any

import pytest
from testinfra.host import Host

from tests.molecule.requests import listening
from tests.molecule.sandboxes import OTHERS, check_sandbox, check_score

PASSWORDS = {"admin": "the-administrator", "auth": "the-auth-service", "tasks": "the-task-service"}
DATABASES = {"admin": "admin", "auth": "taskyard_auth", "tasks": "taskyard_tasks"}
# Signs in, does one thing, and prints what came of it, or the error's number.
CLIENT = """
import json, sys
from pymongo import MongoClient
from pymongo.errors import OperationFailure
question = json.loads(sys.argv[1])
tls = {"tls": True, "tlsCAFile": "/etc/mongodb/authorities.pem"}
with MongoClient(question["host"], 27017, replicaSet="taskyard", **tls, **question["as"]) as client:
    try:
        answer = client[question["database"]].command(question["command"])
    except OperationFailure as error:
        answer = {"code": error.code}
print(json.dumps(answer, default=str))
"""


def ask(
    machine: Host,
    database: str,
    command: dict[str, Any],
    user: str = "",
    host: str = "localhost",
    **options: str,
) -> dict[str, Any]:
    who = {"username": user, "password": PASSWORDS[user], "authSource": DATABASES[user]} if user else {}
    question = {"host": host, "database": database, "command": command, "as": who | options}
    python = machine.check_output("ls /opt/taskyard/admin/*/venv/bin/python")
    answer: dict[str, Any] = json.loads(
        machine.check_output("%s -c %s %s", python, CLIENT, json.dumps(question))
    )
    return answer


def test_it_listens_on_the_loopback_and_its_own_address_alone(machine: Host) -> None:
    address = machine.check_output("hostname -I").split()[0]
    assert listening(machine) == {"127.0.0.1:27017", f"{address}:27017"}


def test_it_is_started_at_boot_as_a_user_without_rights(machine: Host) -> None:
    assert machine.service("mongod").is_enabled
    assert machine.service("mongod").is_running
    (process,) = machine.process.filter(comm="mongod")
    assert process.user == "mongodb"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("User", "mongodb"),
        ("Restart", "always"),
        ("NoNewPrivileges", "yes"),
        ("PrivateTmp", "yes"),
        ("ProtectHome", "yes"),
        ("ProtectSystem", "strict"),
        ("LimitNOFILE", "64000"),
        ("TasksMax", "infinity"),
        ("StartLimitIntervalUSec", "0"),
    ],
)
def test_its_unit_is_as_systemd_sees_it(machine: Host, name: str, value: str) -> None:
    assert machine.check_output("systemctl show --property=%s --value mongod", name) == value


def test_it_is_in_a_sandbox_and_writes_its_data_alone(machine: Host) -> None:
    check_score(machine, "mongod", OTHERS)
    check_sandbox(machine, "mongod", "/var/lib/mongodb")


def test_in_its_sandbox_it_sees_the_machines_memory_and_runs_javascript(machine: Host) -> None:
    seen = ask(machine, "admin", {"hostInfo": 1}, "admin")["system"]
    assert seen["memSizeMB"] > 0
    assert seen["numCores"] > 0
    insert = {"insert": "scripted", "documents": [{"number": number} for number in range(20)]}
    assert ask(machine, "taskyard_tasks", insert, "tasks")["n"] == 20
    scripted = {"find": "scripted", "filter": {"$where": "this.number % 5 === 0"}}
    assert len(ask(machine, "taskyard_tasks", scripted, "tasks")["cursor"]["firstBatch"]) == 4


@pytest.mark.parametrize(
    ("path", "user", "mode"),
    [
        ("/etc/mongodb/keyfile", "mongodb", 0o400),
        ("/etc/mongodb/mongod.conf", "root", 0o640),
        ("/etc/mongodb", "root", 0o750),
        ("/var/lib/mongodb", "mongodb", 0o750),
        ("/etc/systemd/system/mongod.service", "root", 0o644),
    ],
)
def test_files_belong_to_those_who_need_them(machine: Host, path: str, user: str, mode: int) -> None:
    file = machine.file(path)
    assert (file.user, file.mode) == (user, mode)


@pytest.mark.parametrize("user", PASSWORDS)
def test_everybody_signs_in_with_the_right_password_alone(machine: Host, user: str) -> None:
    address = machine.check_output("hostname -I").split()[0]
    assert ask(machine, "admin", {"ping": 1}, user, address)["ok"] == 1
    assert ask(machine, "admin", {"ping": 1}, user, password="wrong")["code"] == 18  # AuthenticationFailed


def test_nobody_reads_without_a_password(machine: Host) -> None:
    assert ask(machine, "taskyard_tasks", {"find": "things"})["code"] == 13  # Unauthorized
    assert ask(machine, "admin", {"usersInfo": 1})["code"] == 13


def test_passwords_are_proved_and_never_sent(machine: Host) -> None:
    answer = ask(machine, "admin", {"usersInfo": {"forAllDBs": True}}, "admin")
    assert {user["user"]: sorted(user["mechanisms"]) for user in answer["users"]} == {
        user: ["SCRAM-SHA-1", "SCRAM-SHA-256"] for user in PASSWORDS
    }


def test_each_user_has_the_rights_that_were_given(machine: Host) -> None:
    write = {"insert": "things", "documents": [{"is": "here"}]}
    assert ask(machine, "taskyard_tasks", write, "tasks")["n"] == 1
    assert ask(machine, "taskyard_auth", {"find": "things"}, "tasks")["ok"] == 1
    assert ask(machine, "taskyard_auth", write, "tasks")["code"] == 13
    assert ask(machine, "taskyard_tasks", {"find": "things"}, "auth")["code"] == 13


def test_it_is_a_replica_set_of_one_with_the_settings_that_were_asked_for(machine: Host) -> None:
    config = ask(machine, "admin", {"replSetGetConfig": 1}, "admin")["config"]
    assert config["_id"] == "taskyard"
    assert [member["host"] for member in config["members"]] == [f"{machine.check_output('hostname')}:27017"]
    assert config["settings"]["electionTimeoutMillis"] == 2000
    parameter = {"getParameter": 1, "transactionLifetimeLimitSeconds": 1}
    assert ask(machine, "admin", parameter, "admin")["transactionLifetimeLimitSeconds"] == 10
    cache = ask(machine, "admin", {"serverStatus": 1}, "admin")["wiredTiger"]["cache"]
    assert cache["maximum bytes configured"] == 256 * 2**20


def test_data_survive_a_restart_and_a_crash(machine: Host) -> None:
    document = {"_id": "kept", "is": "here"}
    kept = {"insert": "kept", "documents": [document], "writeConcern": {"w": "majority"}}
    assert ask(machine, "taskyard_tasks", kept, "tasks")["n"] == 1
    machine.run_expect([0], "systemctl restart mongod")
    find = {"find": "kept"}
    assert ask(machine, "taskyard_tasks", find, "tasks")["cursor"]["firstBatch"] == [document]
    machine.run_expect([0], "systemctl kill --signal=KILL mongod")
    machine.run("sleep 2")
    assert ask(machine, "taskyard_tasks", find, "tasks")["cursor"]["firstBatch"] == [document]
