"""What the tests of this scenario ask of the machines."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from testinfra.host import Host

# Prints how a port takes a new connection.
KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("open")
except ConnectionRefusedError:
    print("closed")
except TimeoutError:
    print("dropped")
"""

Knock = Callable[..., str]


@pytest.fixture(scope="session")
def knock(machines: Mapping[str, Host], addresses: Mapping[str, str]) -> Knock:
    """How a port of a machine (`a` or `b`) takes a new connection from the other: open, closed, dropped."""

    def at(name: str, port: int, origin: str | None = None) -> str:
        other = origin or next(each for each in machines if each != name)
        return str(machines[other].check_output("python3 -c %s %s %s", KNOCK, addresses[name], str(port)))

    return at


@pytest.fixture
def saved(machine: Host) -> Iterator[None]:
    """Whatever a test writes is gone after it, and what was in force is in force again."""
    files = "/etc/taskyard-firewall"
    machine.run_expect([0], f"cp -a {files} /root/saved")
    yield
    machine.run_expect([0], f"taskyard-firewall rollback; rm -rf {files} && mv /root/saved {files}")
    machine.run_expect([0], "systemctl restart taskyard-firewall")
    assert machine.check_output("taskyard-firewall state") == "loaded"
