"""A service as it runs, one process per port."""

import pytest
from testinfra.host import Host

from tests.molecule.requests import ask, listening, unit
from tests.molecule.sandboxes import OWN, check_sandbox, check_score

PORTS = (9001, 9002)


@pytest.mark.parametrize("port", PORTS)
def test_every_port_answers_with_its_environment(machine: Host, port: int) -> None:
    status, _, body = ask(machine, "GET", f"http://127.0.0.1:{port}/")
    assert status == 200
    assert body["ECHO_GREETING"] == 'hello "you", $HOME and 100 %'


def test_it_listens_where_it_is_told_and_nothing_else_does(machine: Host) -> None:
    assert listening(machine) == {"127.0.0.1:9001", "127.0.0.1:9002"}


@pytest.mark.parametrize("port", PORTS)
def test_each_is_a_unit_that_may_do_little(machine: Host, port: int) -> None:
    name = f"taskyard-echo@{port}"
    assert machine.service(name).is_enabled
    expected = {
        "ActiveState": "active",
        "User": "taskyard-echo",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "CapabilityBoundingSet": "",
        "MemoryMax": str(100 * 2**20),
        "Restart": "always",
    }
    assert unit(machine, name, *expected) == expected


@pytest.mark.parametrize("port", PORTS)
def test_each_is_in_a_sandbox_in_which_nothing_can_be_written(machine: Host, port: int) -> None:
    check_score(machine, f"taskyard-echo@{port}", OWN)
    check_sandbox(machine, f"taskyard-echo@{port}")


def test_the_running_process_reads_its_own_files_and_writes_nothing(machine: Host) -> None:
    pid = unit(machine, "taskyard-echo@9001", "MainPID")["MainPID"]
    status = machine.check_output("cat /proc/%s/status", pid)
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    _, _, said = ask(machine, "GET", "http://127.0.0.1:9001/")
    assert said["read_only"]
    assert said["key"] == "a key"


def test_secrets_are_for_those_who_need_them(machine: Host) -> None:
    environment = machine.file("/etc/taskyard/echo.env")
    assert (environment.user, environment.group, environment.mode) == ("root", "root", 0o600)
    folder = machine.file("/etc/taskyard/echo")
    assert (folder.user, folder.group, folder.mode) == ("root", "taskyard-echo", 0o750)
    key = machine.file("/etc/taskyard/echo/key.pem")
    assert (key.user, key.group, key.mode) == ("root", "taskyard-echo", 0o640)
    assert "xyzzy-secret" in environment.content_string
    assert "xyzzy-secret" not in machine.check_output("ps -e -o args=")
    assert "xyzzy-secret" not in machine.check_output("systemctl show 'taskyard-echo@*'")


def test_a_process_that_dies_is_back_at_once(machine: Host) -> None:
    machine.run_expect([0], "systemctl kill --signal=KILL taskyard-echo@9002")
    wait = "until test $(systemctl is-active taskyard-echo@9002) = active; do sleep 0.2; done"
    machine.run_expect([0], "sleep 0.5; timeout 15 sh -c %s", wait)
    assert ask(machine, "GET", "http://127.0.0.1:9002/")[0] == 200
