"""A writer's process killed at each point of its write: the lists of all others stay those of MongoDB."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from tests.api.breaking import post_and_die
from tests.api.conftest import eventually
from tests.api.dying_writer import POINTS
from tests.api.people import Person
from tools.local_stack import LocalStack

# A frozen Redis takes no new connection, so nothing is sent.
WITHOUT_REDIS = [point for point in POINTS if point != "after the clear is sent"]


def write_and_die(stack: LocalStack, folder: Path, person: Person, point: str) -> None:
    post_and_die(stack, folder, person, point, {"title": "unanswered"}, path="/tasks")


def truth(stack: LocalStack, person: Person) -> list[str]:
    with stack.database.admin() as mongodb:
        found = mongodb["taskyard_tasks"]["tasks"].find({"owner": person.id}).sort([("created_at", 1)])
        return [task["title"] for task in found]


@pytest.mark.parametrize("point", POINTS)
def test_lists_are_mongodbs_after_a_writer_died(
    faults: LocalStack, tmp_path: Path, redis: Redis, anna: Person, point: str
) -> None:
    anna.add("a")
    assert [anna.cached() for _ in range(2)] == ["MISS", "HIT"]
    write_and_die(faults, tmp_path, anna, point)
    expected = truth(faults, anna)
    assert (len(expected) == 1) == (point in {"before the mark", "after the mark"})
    assert_fresh_everywhere(faults, anna, expected)
    redis.delete(f"tasks:{{{anna.id}}}:writers")  # the mark's time is up
    assert_fresh_everywhere(faults, anna, expected)
    assert anna.cached() == "HIT"


@pytest.mark.parametrize("point", WITHOUT_REDIS)
def test_lists_are_mongodbs_after_a_writer_died_without_redis(
    faults: LocalStack, tmp_path: Path, redis: Redis, anna: Person, point: str
) -> None:
    anna.add("a")
    assert [anna.cached() for _ in range(2)] == ["MISS", "HIT"]
    faults.redis.pause()
    write_and_die(faults, tmp_path, anna, point)
    faults.redis.resume()
    expected = truth(faults, anna)
    if point != "before the mark":
        # Nobody was answered, so nothing was promised before every instance has seen the suspension.
        for url in faults.task_urls:
            eventually(lambda url: obeys(faults, anna, url), url)
        redis.delete(f"tasks:{{{anna.id}}}:writers")
    for _ in range(3):
        assert_fresh_everywhere(faults, anna, expected)


def obeys(stack: LocalStack, person: Person, url: str) -> bool:
    """Whether an instance that reads from Redis for others does not for this person."""
    with stack.database.admin() as mongodb:
        assert mongodb["taskyard_tasks"]["suspensions"].count_documents({"user": person.id}) == 1
    return person.cached(url) == "BYPASS"


def assert_fresh_everywhere(stack: LocalStack, person: Person, expected: list[str]) -> None:
    for url in stack.task_urls:
        assert person.titles(url) == expected
