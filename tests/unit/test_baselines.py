"""What is asked of a machine by DevSec's ids, and how the answer is told (tests/baselines)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from testinfra.host import Host

from tests.baselines import linux, nginx, ssh
from tests.baselines.controls import Baseline, differing

BASELINES = {"linux": linux.BASELINE, "nginx": nginx.BASELINE, "ssh": ssh.BASELINE}


def machine(*, container: bool) -> Host:
    """A machine that says of itself whether it is a container, and nothing else."""
    return cast("Host", SimpleNamespace(run=lambda _: SimpleNamespace(rc=0 if container else 1)))


def sample() -> Baseline:
    baseline = Baseline({"one-02": "It is wanted so."}, {"two-": "Its host has it."})

    def right(_: Host) -> Iterator[str]:
        yield from ()

    def wrong(_: Host) -> Iterator[str]:
        yield "this is wrong"
        yield "and that"

    baseline.control("one-01", "Right")(right)
    baseline.control("one-02", "Wrong, and wanted so")(wrong)
    baseline.control("two-01", "Wrong")(wrong)
    baseline.control("two-02", "Right, too")(right)
    return baseline


def test_a_row_says_what_came_of_a_control() -> None:
    rows = {row.id: (row.outcome, row.reason) for row in sample().rows(machine(container=False))}
    assert rows == {
        "one-01": ("passed", ""),
        "one-02": ("waived", "It is wanted so."),
        "two-01": ("failed", "this is wrong; and that"),
        "two-02": ("passed", ""),
    }


def test_a_waiver_of_a_part_does_not_cover_the_rest() -> None:
    baseline = Baseline({"one-01 this": "It is wanted so."})

    @baseline.control("one-01", "Wrong")
    def _(_: Host) -> Iterator[str]:
        yield from found

    found = ["this is wrong"]
    assert [row.outcome for row in baseline.rows(machine(container=False))] == ["waived"]
    found = ["this is wrong", "and that"]
    assert [(row.outcome, row.reason) for row in baseline.rows(machine(container=False))] == [
        ("failed", "and that")
    ]


def test_a_container_is_not_asked_for_what_its_host_has() -> None:
    rows = {row.id: (row.outcome, row.reason) for row in sample().rows(machine(container=True))}
    assert rows["two-01"] == ("waived", "Its host has it.")
    assert rows["two-02"] == ("passed", "")


@pytest.mark.parametrize("name", BASELINES)
def test_every_control_is_there_once_and_every_waiver_is_one_of_a_control(name: str) -> None:
    ids = Counter(control.id for control in BASELINES[name].controls)
    assert set(ids.values()) == {1}
    assert {key.split()[0] for key in BASELINES[name].waivers} <= set(ids)
    for beginning in BASELINES[name].container_waivers:
        assert any(identity.startswith(beginning) for identity in ids)


def test_a_setting_is_compared_with_each_of_its_values() -> None:
    wanted = {"a": "1|2", "b": "0"}
    assert list(differing({"a": "2", "b": "0"}, wanted)) == []
    assert list(differing({"a": "3"}, wanted)) == ["a is 3, not 1 or 2", "b is nothing, not 0"]
