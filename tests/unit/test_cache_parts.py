from __future__ import annotations

import logging

import pytest

from app.tasks.breaker import Breaker
from app.tasks.entry import Entry


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


def test_an_entry_is_sent_as_it_is_kept() -> None:
    entry = Entry.of(12, b'"b"', b'<x>; rel="first", <y>; rel="next"', b'[{"title": "two\nlines"}]')
    assert Entry.read(entry.sent) == entry
    assert entry.etag == b'"b"'
    known = (
        b'etag: "b"\r\nlink: <x>; rel="first", <y>; rel="next"\r\nx-total-count: 12\r\n'
        b"cache-control: private, no-cache\r\n"
    )
    assert entry.head == known
    assert entry.sent == known + (
        b'content-length: 24\r\ncontent-type: application/json\r\n\r\n[{"title": "two\nlines"}]'
    )


@pytest.mark.parametrize("stored", [None, b"", b"[]", b'1 "a" <b>\n[]', b"etag", b'ETag: "a"', b"\r\netag: "])
def test_what_is_no_entry_is_none(stored: bytes | None) -> None:
    assert Entry.read(stored) is None
