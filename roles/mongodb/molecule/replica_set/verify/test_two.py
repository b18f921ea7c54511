"""A set of two: it began with the first machine, and has taken the second one in."""

from collections.abc import Callable, Mapping
from typing import Any

from testinfra.host import Host


def test_both_are_members_and_the_third_machine_is_not(
    machines: Mapping[str, Host], members: dict[str, str]
) -> None:
    assert sorted(members) == ["a", "b"]
    assert sorted(members.values()) == ["PRIMARY", "SECONDARY"]
    assert machines["c"].check_output("ss -Hltn sport = :27017") == ""


def test_what_is_written_to_one_is_read_from_the_other(
    machines: Mapping[str, Host], ask: Callable[..., dict[str, Any]]
) -> None:
    for_all = {"w": 2, "wtimeout": 30000}
    write = {"insert": "kept", "documents": [{"_id": "from two"}], "writeConcern": for_all}
    assert ask(machines["a"], write, "kept")["n"] == 1
    alone = {"directConnection": True, "readPreference": "secondaryPreferred"}
    for name in ("a", "b"):
        answer = ask(machines[name], {"count": "kept"}, "kept", **alone)
        assert answer["n"] == 1
