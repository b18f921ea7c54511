"""A way into the machine from itself."""

from collections.abc import Callable

import pytest
from testinfra.host import Host

Knock = Callable[..., str]
KEY = "/root/knock"


@pytest.fixture(scope="session")
def knock(machine: Host) -> Knock:
    """What ssh says when it goes into the machine with these arguments; root has its key."""
    machine.run_expect(
        [0],
        f"test -e {KEY} || ssh-keygen -q -t rsa -b 3072 -m PEM -N '' -f {KEY}; "
        f"mkdir -p -m 700 /root/.ssh; cat {KEY}.pub >> /root/.ssh/authorized_keys",
    )

    def at(*arguments: str, user: str = "root") -> str:
        options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        *further, command = arguments
        asked = f"ssh {options} -i {KEY} {' '.join(further)} {user}@127.0.0.1 {command}"
        said = machine.run(f"timeout 20 {asked} || true")
        return str(said.stdout + said.stderr)

    return at
