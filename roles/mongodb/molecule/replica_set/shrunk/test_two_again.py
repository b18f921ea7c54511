"""The inventory names two machines, so the third one left, although it was the primary."""

from collections.abc import Callable
from typing import Any

from testinfra.host import Host


def test_two_are_members(members: dict[str, str]) -> None:
    assert sorted(members) == ["a", "b"]
    assert sorted(members.values()) == ["PRIMARY", "SECONDARY"]


def test_the_data_are_there(machine: Host, ask: Callable[..., dict[str, Any]]) -> None:
    assert ask(machine, {"count": "kept"}, "kept")["n"] == 1
