"""The task service as it runs, with the auth service, MongoDB and Redis beside it."""

import pytest
from testinfra.host import Host

from tests.molecule.people import register, sign_in
from tests.molecule.requests import ask, unit

PORTS = (8002, 8003)
SECRETS = ("test-mongodb-tasks", "test-redis-tasks")


def url(port: int, path: str) -> str:
    return f"http://127.0.0.1:{port}{path}"


@pytest.fixture(scope="module")
def token(machine: Host) -> str:
    return sign_in(machine, register(machine))


def test_it_listens_where_it_is_told(machine: Host) -> None:
    listening = machine.check_output("ss -Hltnp | grep python").splitlines()
    assert sorted(line.split()[3] for line in listening) == [f"127.0.0.1:{port}" for port in (8001, *PORTS)]


@pytest.mark.parametrize("port", PORTS)
def test_it_is_alive_and_has_what_it_needs(machine: Host, port: int) -> None:
    assert ask(machine, "GET", url(port, "/healthz"))[0] == 200
    status, _, body = ask(machine, "GET", url(port, "/readyz"))
    assert (status, body["status"]) == (200, "ok")
    assert set(body["dependencies"].values()) == {"ok"}
    assert len(body["keys"]) == 1


def test_what_one_instance_writes_the_other_one_lists(machine: Host, token: str) -> None:
    status, headers, task = ask(
        machine, "POST", url(8002, "/tasks"), token=token, document={"title": "Water the plants"}
    )
    assert status == 201
    assert task["url"] == f"http://tasks.example.org/tasks/{task['id']}"
    status, headers, tasks = ask(machine, "GET", url(8003, "/tasks"), token=token)
    assert (status, headers["x-cache"]) == (200, "MISS")
    assert [each["title"] for each in tasks] == ["Water the plants"]
    status, headers, tasks = ask(machine, "GET", url(8002, "/tasks"), token=token)
    assert (status, headers["x-cache"]) == (200, "HIT")


@pytest.mark.parametrize("port", PORTS)
def test_a_wrong_token_is_refused(machine: Host, port: int, token: str) -> None:
    assert ask(machine, "GET", url(port, "/tasks"))[0] == 401
    status, headers, _ = ask(machine, "GET", url(port, "/tasks"), token=f"{token[:-20]}{'A' * 20}")
    assert status == 401
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("port", PORTS)
def test_its_unit_may_do_little(machine: Host, port: int) -> None:
    expected = {
        "ActiveState": "active",
        "User": "taskyard-tasks",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "MemoryMax": str(256 * 2**20),
        "UnitFileState": "enabled",
    }
    assert unit(machine, f"taskyard-tasks@{port}", *expected) == expected


def test_secrets_are_for_those_who_need_them(machine: Host) -> None:
    environment = machine.file("/etc/taskyard/tasks.env")
    assert (environment.user, environment.group, environment.mode) == ("root", "root", 0o600)
    keys = machine.file("/etc/taskyard/tasks/public_keys.pem")
    assert (keys.user, keys.group, keys.mode) == ("root", "taskyard-tasks", 0o640)
    assert "PRIVATE" not in keys.content_string
    shown = machine.check_output(
        "ps -e -o args=; systemctl show 'taskyard-tasks@*'; journalctl -u 'taskyard-tasks@*'"
    )
    assert not any(secret in shown for secret in SECRETS)


def test_it_cannot_read_what_is_the_auth_services(machine: Host) -> None:
    for file in ("/etc/taskyard/auth/private_key.pem", "/etc/taskyard/auth.env", "/etc/taskyard/tasks.env"):
        machine.run_expect([1], "runuser -u taskyard-tasks -- cat %s", file)
