from __future__ import annotations

import logging

import pytest

from app.tasks.breaker import Breaker
from app.tasks.cache import Entry


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_try_at_a_time() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, open_seconds=1, clock=clock)
    for _ in range(2):
        breaker.failed("away")
    breaker.succeeded()
    for _ in range(3):
        assert breaker.allows()
        breaker.failed("away")
    assert not breaker.allows()
    clock.now = 1
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.failed("still away")
    clock.now = 1.9
    assert not breaker.allows()
    clock.now = 2
    assert breaker.allows()
    breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True, True, True]


def test_the_breaker_tries_after_three_failures_and_a_second_by_itself() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    for _ in range(2):
        breaker.failed("away")
        assert [breaker.allows() for _ in range(2)] == [True, True]
    breaker.failed("away")
    clock.now = 0.999
    assert not breaker.allows()
    clock.now = 1
    assert breaker.allows()
    clock.now = 1.999
    assert not breaker.allows()
    clock.now = 2
    assert breaker.allows()


def test_the_breaker_says_once_that_redis_is_away_and_once_that_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    breaker = Breaker(failures=2)
    breaker.failed("slow")
    breaker.succeeded()
    assert not caplog.messages
    for reason in ("slow", "away", "gone"):
        breaker.failed(reason)
    for _ in range(2):
        breaker.succeeded()
    assert caplog.messages == [
        "Redis does not answer (away): lists are read from MongoDB",
        "Redis answers again",
    ]
    for _ in range(2):
        breaker.failed("away")
    breaker.succeeded()
    assert caplog.messages[3:] == ["Redis answers again"]


@pytest.mark.parametrize(
    "entry",
    [
        Entry(0, b'"a"', b"<x>", b"[]"),
        Entry(12, b'"b"', b'<x>; rel="first", <y>; rel="next"', b'[{"title": "two\nlines"}]'),
        Entry(1, b'"c"', b"<x>", b"\n"),
    ],
)
def test_an_entry_comes_back_as_it_went(entry: Entry) -> None:
    assert Entry.decode(entry.encode()) == entry


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"[]",
        b"-1\n[]",
        b"x\n[]",
        b"1\n[]",
        b"1 a\n[]",
        b"-1 a <b>\n[]",
        b"1 a b\n",
        b"1 a \n",
        b"1\xff a <b>\n[]",
    ],
)
def test_what_is_no_entry_is_none(stored: bytes) -> None:
    assert Entry.decode(stored) is None
