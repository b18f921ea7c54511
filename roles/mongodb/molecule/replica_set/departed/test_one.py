"""The second machine shall be without a database: it left the set before that was removed."""

from collections.abc import Callable, Mapping
from typing import Any

from testinfra.host import Host


def test_one_is_left_and_serves(
    machine: Host, members: dict[str, str], ask: Callable[..., dict[str, Any]]
) -> None:
    assert members == {"a": "PRIMARY"}
    assert ask(machine, {"count": "kept"}, "kept")["n"] == 1


def test_the_other_has_no_database_any_more(machines: Mapping[str, Host]) -> None:
    machine = machines["b"]
    assert machine.check_output("ss -Hltn sport = :27017") == ""
    assert machine.run("systemctl cat mongod").rc != 0
    assert machine.file("/var/lib/mongodb/WiredTiger").exists
