"""The checker of histories, on histories made by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.history.checker import Checker


@pytest.fixture
def checker() -> Checker:
    """One task: created until 1, set to 1 until 3; nothing else."""
    checker = Checker()
    checker.write_begins("a")
    checker.write_acknowledged("a", 1)
    checker.write_begins("a")
    checker.write_acknowledged("a", 3)
    return checker


def odd(number: int) -> bool:
    return number % 2 == 1


def test_a_read_that_shows_the_last_acknowledged_write_is_right(checker: Checker) -> None:
    checker.read({"a": 1}, 4, 5)
    assert not checker.found


def test_a_read_that_began_before_the_acknowledgement_may_show_either(checker: Checker) -> None:
    checker.read({"a": 0}, 2, 5)
    checker.read({"a": 1}, 2, 5)
    assert not checker.found


def test_a_read_older_than_a_write_acknowledged_before_it_began_is_stale(checker: Checker) -> None:
    checker.read({"a": 0}, 4, 5, "8002 HIT")
    assert checker.found == Counter(stale=1)
    (example,) = checker.examples
    assert (example.task, example.seen, example.floor, example.where) == ("a", 0, 1, "8002 HIT")


def test_a_task_that_is_not_there_is_lost(checker: Checker) -> None:
    checker.read({}, 4, 5)
    assert checker.found == Counter(lost=1)


def test_a_task_may_be_missing_until_its_creation_is_acknowledged(checker: Checker) -> None:
    checker.read({}, 0, 5)
    assert not checker.found


def test_a_number_that_nobody_has_written_is_a_phantom(checker: Checker) -> None:
    checker.read({"a": 2}, 4, 5)
    checker.read({"a": 1, "b": 0}, 4, 5)
    assert checker.found == Counter(phantom=2)


def test_a_write_under_way_may_be_seen_or_not(checker: Checker) -> None:
    checker.write_begins("a")
    checker.read({"a": 1}, 4, 5)
    checker.read({"a": 2}, 4, 5)
    assert not checker.found


def test_an_unknown_outcome_may_show_either_way_for_ever(checker: Checker) -> None:
    checker.write_begins("a", deletes=True)
    for at in range(10, 100, 10):
        checker.read({"a": 1}, at, at + 1)
        checker.read({}, at, at + 1)
        checker.forget(at)
    assert not checker.found


def test_a_deleted_task_that_is_seen_again_is_resurrected(checker: Checker) -> None:
    checker.write_begins("a", deletes=True)
    checker.read({"a": 1}, 4, 5)
    checker.write_acknowledged("a", 6)
    checker.read({"a": 1}, 5, 7)  # it began before
    checker.read({}, 7, 8)
    assert not checker.found
    checker.read({"a": 1}, 7, 8)
    assert checker.found == Counter(resurrected=1)


def test_a_filtered_list_shows_what_the_filter_lets_through(checker: Checker) -> None:
    checker.read({"a": 1}, 4, 5, shows=odd)
    assert not checker.found
    checker.read({}, 4, 5, shows=odd)
    assert checker.found == Counter(lost=1)
    checker.write_begins("a")  # to 2, which the filter does not show
    checker.read({}, 4, 5, shows=odd)
    checker.read({"a": 2}, 4, 5, shows=odd)
    assert checker.found == Counter(lost=1, phantom=1)


def test_of_a_page_only_what_it_shows_is_judged(checker: Checker) -> None:
    checker.read({}, 4, 5, whole=False)
    assert not checker.found
    checker.read({"a": 0}, 4, 5, whole=False)
    assert checker.found == Counter(stale=1)


def test_forgetting_keeps_what_later_reads_are_judged_by(checker: Checker) -> None:
    checker.forget(100)
    checker.read({"a": 0}, 100, 101)
    checker.read({"a": 1}, 100, 101)
    assert checker.found == Counter(stale=1)


def test_a_task_that_a_write_does_not_find_is_lost(checker: Checker) -> None:
    checker.write_begins("a")
    checker.vanished("a", 4, 5, "PATCH")
    assert checker.found == Counter(lost=1)


def test_a_task_deleted_long_ago_is_still_known(checker: Checker) -> None:
    checker.write_begins("a", deletes=True)
    checker.write_acknowledged("a", 6)
    checker.forget(100)
    checker.read({}, 100, 101)
    assert not checker.found
    checker.read({"a": 1}, 100, 101)
    assert checker.found == Counter(resurrected=1)


def test_a_deletion_is_not_forgotten_before_the_reads_that_may_have_missed_it(checker: Checker) -> None:
    checker.write_begins("a", deletes=True)
    checker.write_acknowledged("a", 6)
    checker.forget(5)
    checker.read({"a": 1}, 5, 101)
    assert not checker.found
