"""What the tests of this scenario ask of Redis."""

import json
from collections.abc import Callable

import pytest
from testinfra.host import Host

CLI = "redis-cli --tls --cacert /etc/redis/authorities.pem"
Ask = Callable[..., list[str]]


@pytest.fixture(scope="session")
def ask() -> Ask:
    """What a machine's Redis says to these commands, line by line, after the administrator has signed in."""

    def to(machine: Host, *commands: str, user: str = "operator", password: str = "for-tests-2") -> list[str]:
        said = "\n".join([f"AUTH {user} {json.dumps(password, ensure_ascii=False)}", *commands])
        lines = machine.check_output(f"printf '%%s\\n' %s | {CLI}", said).splitlines()
        return [line for line in lines if line]

    return to
