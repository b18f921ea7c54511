"""In the beginning of a run what is new is open, and what was open is open still."""

from collections.abc import Callable, Mapping

from testinfra.host import Host

Knock = Callable[..., str]


def test_both_answer(knock: Knock) -> None:
    assert [knock("a", port) for port in (8080, 8081)] == ["open", "open"]


def test_all_else_is_dropped(knock: Knock) -> None:
    assert knock("a", 8082) == "dropped"


def test_what_another_hand_had_changed_is_made_good(machines: Mapping[str, Host]) -> None:
    for machine in machines.values():
        assert machine.check_output("taskyard-firewall state") == "loaded"
