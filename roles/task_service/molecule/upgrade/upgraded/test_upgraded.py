"""After the next release was deployed."""

import pytest
from testinfra.host import Host

from tests.molecule.requests import ask, unit


@pytest.mark.parametrize("port", [8002, 8003])
def test_every_instance_runs_the_next_release(machine: Host, port: int) -> None:
    pid = unit(machine, f"taskyard-tasks@{port}", "MainPID")["MainPID"]
    assert "/releases/99.0.0+" in machine.check_output("readlink /proc/%s/cwd", pid)
    assert ask(machine, "GET", f"http://127.0.0.1:{port}/readyz")[2]["status"] == "ok"


def test_the_release_before_is_there_to_go_back_to(machine: Host) -> None:
    assert len(machine.file("/opt/taskyard/releases").listdir()) == 2
