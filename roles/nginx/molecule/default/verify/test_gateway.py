"""The gateway as it runs, with instances of a service behind it."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from tests.molecule.instances import ask, instances, stop
from tests.molecule.requests import listening

PORTS = (9001, 9002, 9003)


@pytest.fixture
def echo(machine: Host) -> Iterator[None]:
    with instances(machine, PORTS):
        yield


def test_it_listens_on_every_address_and_nothing_else_does(machine: Host) -> None:
    assert listening(machine) == {"0.0.0.0:80"}


def test_it_is_started_at_boot_and_its_workers_are_nobody_special(machine: Host) -> None:
    assert machine.service("nginx").is_enabled
    assert machine.service("nginx").is_running
    users = Counter(process.user for process in machine.process.filter(comm="nginx"))
    assert users["root"] == 1
    assert set(users) == {"root", "www-data"}


def test_it_answers_for_itself(machine: Host) -> None:
    (answer,) = ask(machine, "/healthz")
    assert json.loads(answer["body"]) == {"status": "ok", "service": "gateway"}


def test_without_an_instance_it_says_so_as_a_problem_document(machine: Host) -> None:
    (answer,) = ask(machine, "/echo")
    assert answer["status"] == 502
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert int(answer["headers"]["Retry-After"]) > 0
    machine.run("sleep 2.5")  # until it tries those again that failed


@pytest.mark.usefixtures("echo")
def test_every_instance_gets_its_share_and_one_that_is_down_costs_no_request(machine: Host) -> None:
    served = Counter(answer["body"] for answer in ask(machine, "/echo", times=30))
    assert set(served) == {"9001", "9002", "9003"}
    assert min(served.values()) >= 5
    stop(machine, 9002)
    answers = ask(machine, "/echo", times=12)
    assert {answer["status"] for answer in answers} == {200}
    assert {answer["body"] for answer in answers} == {"9001", "9003"}


def test_what_is_nowhere_and_what_is_not_allowed(machine: Host) -> None:
    assert ask(machine, "/nowhere")[0]["status"] == 404
    assert ask(machine, "/echo", "TRACE")[0]["status"] == 405


def test_its_log_has_one_json_object_a_line_and_no_query(machine: Host) -> None:
    ask(machine, "/nowhere?password=secret")
    last = machine.check_output("tail -n 1 /var/log/nginx/access.log")
    assert json.loads(last)["path"] == "/nowhere"
    assert "secret" not in last


def test_its_configuration_can_be_changed_by_root_alone(machine: Host) -> None:
    file = machine.file("/etc/nginx/nginx.conf")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
