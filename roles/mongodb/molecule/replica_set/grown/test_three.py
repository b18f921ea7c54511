"""A set of three, whose members were restarted one after the other."""

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from testinfra.host import Host

PAUSE_SECONDS = 5


def test_all_are_members(members: dict[str, str]) -> None:
    assert sorted(members) == ["a", "b", "c"]
    assert sorted(members.values()) == ["PRIMARY", "SECONDARY", "SECONDARY"]


def test_the_third_one_has_the_data(machines: Mapping[str, Host], ask: Callable[..., dict[str, Any]]) -> None:
    alone = {"directConnection": True, "readPreference": "secondaryPreferred"}
    assert ask(machines["c"], {"count": "kept"}, "kept", **alone)["n"] == 1


def test_all_have_the_new_configuration(
    machines: Mapping[str, Host], ask: Callable[..., dict[str, Any]]
) -> None:
    for machine in machines.values():
        cache = ask(machine, {"serverStatus": 1}, directConnection=True)["wiredTiger"]["cache"]
        assert cache["maximum bytes configured"] // 2**20 == int(0.3 * 1024)


def outages(moments: list[float]) -> list[tuple[float, float]]:
    """From when to when it was away, each time: moments are some tenths of a second apart."""
    times: list[list[float]] = []
    for moment in moments:
        if times and moment - times[-1][-1] < PAUSE_SECONDS:
            times[-1].append(moment)
        else:
            times.append([moment])
    return [(each[0], each[-1]) for each in times]


def test_never_were_two_away_at_once(machine: Host) -> None:
    away = json.loads(machine.file("/root/away.json").content_string)
    spans = sorted(outage for moments in away.values() for outage in outages(moments))
    assert len(spans) > 3  # each has been restarted twice: with two keys, and with the new one alone
    assert all(before[1] < after[0] for before, after in pairwise(spans)), spans
