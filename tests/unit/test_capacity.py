"""The calculator of docs/capacity.md, by hand and against what was measured."""

from __future__ import annotations

import pytest

from tools.capacity import BEGIN, END, Load, costs, need, number, per_request, size, written

COSTS = {
    "HIT, 10 000 users": {"app": 100.0, "nginx": 50, "redis": 10, "mongod": 0},
    "MISS": {"app": 1000.0, "nginx": 50, "redis": 50, "mongod": 300},
    "POST": {"app": 2000.0, "nginx": 100, "redis": 100, "mongod": 1000},
}
DAY = Load(people=86_400, active=1, requests=10, peak=2, writes=0.5, hits=0.5, logins=1, busy=0.5)


def test_a_load_is_what_people_send_at_the_peak() -> None:
    found = need(DAY, COSTS)
    assert (found.rate, found.logins) == (20, 2)
    assert found.cores["app"] == pytest.approx(20 * (0.25 * 100 + 0.25 * 1000 + 0.5 * 2000) / 1e6 / 0.5)
    assert found.cores["auth"] == pytest.approx(2 * 0.035 / 0.5)
    assert found.redis_bytes == 20 * 0.5 * 60 * 15_500
    assert found.mongodb_bytes == 86_400 * 50 * 600


def test_there_are_two_instances_at_least_and_shards_when_a_core_is_not_enough() -> None:
    assert need(DAY, COSTS).instances == 2
    assert need(DAY, COSTS).redis_shards == need(DAY, COSTS).mongodb_shards == 1
    large = need(Load(people=200_000_000), COSTS)
    assert large.instances > 10
    assert large.redis_shards > 1
    assert large.mongodb_shards > 1


def test_redis_holds_no_more_lists_than_there_are_visitors() -> None:
    assert need(Load(people=10, active=1, minutes=1e9), COSTS).redis_bytes == 10 * 15_500


def test_the_capacity_of_an_instance_is_what_its_costs_say() -> None:
    """One measured point: hits a second when an instance had a core and nothing else to do."""
    measured = costs()["HIT"]
    assert 1e6 / measured["app"] == pytest.approx(measured["rate"], rel=0.35)


def test_lists_that_are_never_in_the_cache_cost_what_a_system_without_one_needs() -> None:
    """The other one: both services in one process, which reads MongoDB each time."""
    found = costs()
    uncached = per_request(Load(writes=0, hits=0), found)
    assert uncached["app"] == pytest.approx(found["monolith, 10 000 users"]["app"], rel=0.35)
    assert uncached["mongod"] == pytest.approx(found["monolith, 10 000 users"]["mongod"], rel=0.35)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.123, "0.12"), (9.96, "10"), (10, "10"), (123.4, "120"), (98765, "99 000")],
)
def test_numbers_have_two_digits(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(999, "1 000 B"), (15_500, "16 kB"), (2.5e9, "2.5 GB"), (4e15, "4 000 TB")]
)
def test_sizes_have_the_unit_that_suits(count: float, shown: str) -> None:
    assert size(count) == shown


def test_the_table_is_put_between_its_marks_and_the_rest_stays() -> None:
    page = f"before\n{BEGIN}old\n{END}after\n"
    made = written(page, COSTS)
    assert made.startswith(f"before\n{BEGIN}\n| people |")
    assert made.endswith(f"\n{END}after\n")
    assert "old" not in made
    assert written(made, COSTS) == made
    with pytest.raises(ValueError, match="marks"):
        written("no marks", COSTS)
