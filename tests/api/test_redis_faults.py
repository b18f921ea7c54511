"""Redis stopped, killed or frozen while people go on with their lists."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.breaking import dependencies, freeze_or_kill
from tests.api.conftest import eventually
from tests.api.people import Person
from tools.local_stack import LocalStack


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_without_redis_lists_are_read_and_written_and_the_cache_comes_back(
    faults: LocalStack, anna: Person, how: str
) -> None:
    anna.add("a")
    assert [anna.cached() for _ in range(2)] == ["MISS", "HIT"]
    freeze_or_kill(faults.redis, how)
    for url in faults.task_urls:
        assert anna.at(url).get("/tasks").headers["X-Cache"] == "BYPASS"
        assert anna.titles(url) == ["a"]
    task = anna.add("b", faults.task_urls[0])
    for url in faults.task_urls:
        assert anna.titles(url) == ["a", "b"]
        assert dependencies(anna, url) == (200, {"mongodb": "ok", "redis": "down"})
        assert anna.at(url).get("/readyz").json()["status"] == "degraded"
    faults.redis.resume() if how == "frozen" else faults.redis.start()
    # A write that Redis missed is made good as soon as it answers, and everybody is fresh from then on.
    for url in faults.task_urls:
        eventually(lambda url: anna.titles(url) == ["a", "b"] and anna.cached(url) == "HIT", url)
        assert dependencies(anna, url) == (200, {"mongodb": "ok", "redis": "ok"})
    anna.gateway.delete("/tasks/" + task["id"])
    assert anna.titles() == ["a"]


def test_what_was_written_while_redis_was_frozen_is_seen_everywhere_as_soon_as_it_goes_on(
    faults: LocalStack, anna: Person
) -> None:
    anna.add("a")
    assert [anna.cached() for _ in range(2)] == ["MISS", "HIT"]
    faults.redis.pause()
    anna.add("b", faults.task_urls[0])
    faults.redis.resume()
    for _ in range(5):
        for url in faults.task_urls:
            assert anna.titles(url) == ["a", "b"]


def test_a_frozen_instance_looks_before_it_believes_redis_again(faults: LocalStack, anna: Person) -> None:
    frozen, writer = faults.tasks[1], faults.task_urls[0]
    anna.add("a")
    assert anna.titles(faults.task_urls[1]) == anna.titles(faults.task_urls[1]) == ["a"]
    frozen.pause()
    faults.redis.pause()
    anna.add("b", writer)
    faults.redis.resume()
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(anna.titles, faults.task_urls[1])  # asked while it is frozen
        frozen.resume()
        assert answer.result() == ["a", "b"]


def test_after_a_few_failures_reads_stop_waiting_for_redis(faults: LocalStack, anna: Person) -> None:
    faults.redis.pause()
    began = time.monotonic()
    for _ in range(100):
        assert anna.at(faults.task_urls[0]).get("/tasks").status_code == 200
    # Every one waiting would take 100 s and more (the stack's timeout is a second); the first three do.
    assert time.monotonic() - began < 60
