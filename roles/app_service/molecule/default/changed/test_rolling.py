"""After an option was changed while a client was asking, and then a file that the service reads by itself."""

import json

from testinfra.host import Host

from tests.molecule.requests import ask, unit


def test_every_instance_has_the_new_option(machine: Host) -> None:
    for port in (9001, 9002):
        assert ask(machine, "GET", f"http://127.0.0.1:{port}/")[2]["ECHO_GREETING"] == "good evening"


def test_they_were_restarted_one_after_the_other_and_no_request_was_lost(machine: Host) -> None:
    asked = json.loads(machine.file("/root/asked.json").content_string)
    assert asked["lost"] == []
    assert asked["passed_on"] > 0
    assert min(asked["answers"].values()) > 50
    before, after = (machine.file(f"/root/{name}").content_string.split() for name in ("before", "after"))
    assert set(before).isdisjoint(after)


def test_a_file_that_is_read_again_restarts_nobody(machine: Host) -> None:
    assert machine.file("/etc/taskyard/echo/reread.pem").content_string == "as it is now"
    pids = [unit(machine, f"taskyard-echo@{port}", "MainPID")["MainPID"] for port in (9001, 9002)]
    assert pids == machine.file("/root/after").content_string.split()
