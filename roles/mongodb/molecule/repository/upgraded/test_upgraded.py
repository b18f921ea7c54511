"""The version that was named next."""

from collections.abc import Callable
from typing import Any

from testinfra.host import Host


def test_the_next_version_is_there_and_pinned(machine: Host, policy: dict[str, str]) -> None:
    assert (policy["Installed"], policy["Candidate"]) == ("6.0.6", "6.0.6")
    assert "*** 6.0.6 990" in machine.check_output("apt-cache policy mongodb-org-server")


def test_mongod_runs_the_binary_of_that_package(machine: Host) -> None:
    (process,) = machine.process.filter(comm="mongod")
    assert machine.check_output("readlink /proc/%s/exe", str(process.pid)) == "/usr/bin/mongod"


def test_the_data_are_there(ask: Callable[..., dict[str, Any]]) -> None:
    assert ask({"find": "kept"})["cursor"]["firstBatch"] == [{"_id": "kept", "is": "here"}]
