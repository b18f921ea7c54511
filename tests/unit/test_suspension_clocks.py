"""What a process may conclude from its own clock about what it knows of suspensions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.common.problems import UnavailableError
from app.tasks import suspensions
from app.tasks.suspensions import SEEN_SECONDS, TRUST_SECONDS, MongoSuspensions

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that goes on only when it is told to; whoever sleeps moves it."""

    now = 1000.0
    slept = 0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += 1


class Looks:
    """What each look at MongoDB brings, and how long it takes."""

    def __init__(self, clock: Clock, *planned: tuple[float, set[str] | Exception | None]) -> None:
        self._clock = clock
        self.planned = list(planned)

    async def __call__(self) -> frozenset[str] | None:
        seconds, result = self.planned.pop(0)
        self._clock.now += seconds
        if isinstance(result, Exception):
            raise result
        return None if result is None else frozenset(result)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(suspensions, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(suspensions, "asyncio", SimpleNamespace(sleep=clock.sleep))
    return clock


def planned(
    clock: Clock, *looks: tuple[float, set[str] | Exception | None]
) -> tuple[MongoSuspensions, Looks]:
    database: Any = {"suspensions": None}
    watching, plan = MongoSuspensions(database, 60), Looks(clock, *looks)
    watching._find = plan  # type: ignore[method-assign] # for this object
    return watching, plan


AWAY = UnavailableError("MongoDB")


async def test_a_look_counts_for_a_second_from_its_beginning(clock: Clock) -> None:
    reading, _ = planned(clock, (0.25, {"ben"}))
    assert not reading.trusts("anna")
    await reading.look()
    clock.now = 1000 + TRUST_SECONDS - 0.001
    assert reading.trusts("anna")
    assert not reading.trusts("ben")
    clock.now = 1000 + TRUST_SECONDS
    assert not reading.trusts("anna")


async def test_a_look_that_fails_is_tried_once_more(clock: Clock) -> None:
    reading, looks = planned(clock, (0.25, AWAY), (0.25, {"ben"}))
    await reading.look()
    assert not looks.planned
    clock.now = 1000.25 + TRUST_SECONDS - 0.001  # since the second began
    assert reading.trusts("anna")
    assert not reading.trusts("ben")
    clock.now = 1000.25 + TRUST_SECONDS
    assert not reading.trusts("anna")


async def test_two_failures_in_time_are_silence_and_what_is_known_goes_on_to_count(clock: Clock) -> None:
    reading, looks = planned(clock, (0, {"ben"}), (0.25, AWAY), (0.25, AWAY))
    await reading.look()
    clock.now = 2000.0
    with pytest.raises(UnavailableError):
        await reading.look()
    assert not looks.planned
    clock.now = 2000.25 + TRUST_SECONDS - 0.001
    assert reading.trusts("anna")
    assert not reading.trusts("ben")
    clock.now = 2000.25 + TRUST_SECONDS
    assert not reading.trusts("anna")


@pytest.mark.parametrize(("seconds", "not_tried"), [(0.5, 0), (0.501, 1)])
async def test_an_attempt_that_took_longer_than_it_can_says_nothing_about_mongodb(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, not_tried: int
) -> None:
    monkeypatch.setattr(suspensions, "_ATTEMPT_SECONDS", 0.25)
    monkeypatch.setattr(suspensions, "_LATE_SECONDS", 0.25)
    reading, looks = planned(clock, (0, set()), (seconds, AWAY), (0, AWAY))
    await reading.look()
    clock.now = 2000.0
    with pytest.raises(UnavailableError):
        await reading.look()
    assert len(looks.planned) == not_tried
    assert reading.trusts("anna") is (not_tried == 0)


async def test_who_never_learned_anything_trusts_nobody_when_mongodb_is_silent(clock: Clock) -> None:
    reading, _ = planned(clock, (0, AWAY), (0, AWAY))
    with pytest.raises(UnavailableError):
        await reading.look()
    assert not reading.trusts("anna")


async def test_when_too_many_are_suspended_everybody_is(clock: Clock) -> None:
    reading, _ = planned(clock, (0, None))
    await reading.look()
    assert not reading.trusts("anna")


async def test_a_suspension_has_been_seen_when_everybody_has_to_have_looked(clock: Clock) -> None:
    writing, _ = planned(clock)
    writing._own["anna"] = suspensions._Own(since=1000.0, until=1060.0, turn=1)
    await writing.seen("anna")
    assert clock.now == pytest.approx(1000 + SEEN_SECONDS, abs=0.03)
    assert clock.now >= 1000 + SEEN_SECONDS
    slept, clock.now = clock.slept, 1000 + SEEN_SECONDS
    await writing.seen("anna")
    await writing.seen("somebody who is not suspended")
    assert clock.slept == slept
