"""After the release before was deployed again; all the while a client has been asking."""

import json

import pytest
from testinfra.host import Host

from tests.molecule.requests import unit


@pytest.mark.parametrize("port", [8002, 8003])
def test_every_instance_runs_the_release_before(machine: Host, port: int) -> None:
    pid = unit(machine, f"taskyard-tasks@{port}", "MainPID")["MainPID"]
    place = machine.check_output("readlink /proc/%s/cwd", pid)
    assert place.startswith("/opt/taskyard/releases/")
    assert "/99.0.0+" not in place


def test_no_request_was_lost(machine: Host) -> None:
    asked = json.loads(machine.file("/root/asked.json").content_string)
    assert asked["lost"] == []
    assert asked["passed_on"] > 0
    assert min(asked["answers"].values()) > 100
