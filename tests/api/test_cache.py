"""What somebody sees of the cache: fast answers that are never old, whichever instance gives them."""

from __future__ import annotations

import pytest
from redis import Redis

from tests.api.people import Person
from tools.local_stack import LocalStack


def test_the_first_answer_is_a_miss_and_the_next_a_hit_on_every_instance(
    stack: LocalStack, anna: Person
) -> None:
    task = anna.add("a")
    first = anna.at(stack.task_urls[0]).get("/tasks")
    assert first.headers["X-Cache"] == "MISS"
    for url in stack.task_urls:
        again = anna.at(url).get("/tasks")
        assert again.headers["X-Cache"] == "HIT"
        assert again.headers["X-Total-Count"] == "1"
        assert again.json() == [task]
        assert again.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"


def test_an_empty_list_is_cached_too(anna: Person) -> None:
    assert [anna.cached() for _ in range(3)] == ["MISS", "HIT", "HIT"]


@pytest.mark.parametrize("change", ["create", "patch", "delete", "clear"])
def test_after_a_change_on_one_instance_every_other_answers_fresh(
    stack: LocalStack, anna: Person, change: str
) -> None:
    writer = anna.at(stack.task_urls[0])
    for url in stack.task_urls[1:]:
        anna.gateway.delete("/tasks")
        path = "/tasks/" + anna.add("old")["id"]
        assert anna.titles(url) == ["old"]
        assert anna.cached(url) == "HIT"
        if change == "create":
            anna.add("new", stack.task_urls[0])
        elif change == "patch":
            assert writer.patch(path, json={"title": "new"}).status_code == 200
        else:
            assert writer.delete(path if change == "delete" else "/tasks").status_code == 204
        expected = {"create": ["old", "new"], "patch": ["new"], "delete": [], "clear": []}[change]
        assert anna.titles(url) == expected
        assert anna.cached(url) == "HIT"


def test_one_persons_change_leaves_anothers_list_in_the_cache(anna: Person, ben: Person) -> None:
    anna.add("a")
    ben.add("b")
    anna.titles()
    ben.titles()
    anna.add("c")
    assert ben.cached() == "HIT"
    assert ben.titles() == ["b"]
    assert anna.cached() == "MISS"


def test_reading_one_task_or_failing_to_change_one_gives_the_right_list(anna: Person) -> None:
    anna.add("a")
    anna.titles()
    assert anna.gateway.patch("/tasks/" + "0" * 24, json={"title": "x"}).status_code == 404
    assert anna.gateway.delete("/tasks/" + "0" * 24).status_code == 404
    assert anna.titles() == ["a"]
    assert anna.cached() == "HIT"


def test_redis_losing_its_memory_is_harmless(redis: Redis, anna: Person) -> None:
    anna.add("a")
    anna.titles()
    redis.flushall()
    assert anna.cached() == "MISS"
    assert anna.titles() == ["a"]
    assert anna.cached() == "HIT"


def test_everything_about_a_person_expires_and_lies_in_one_slot(redis: Redis, anna: Person) -> None:
    anna.titles()
    keys = sorted(redis.keys(f"*{anna.id}*"))
    assert keys == [f"tasks:{{{anna.id}}}:{name}".encode() for name in ("lists", "version")]
    assert all(0 < redis.pttl(key) <= 60_000 for key in keys)
    anna.add("a")
    assert redis.keys(f"*{anna.id}*") == []


def test_a_list_that_somebody_spoilt_in_redis_is_no_error(redis: Redis, anna: Person) -> None:
    anna.add("a")
    anna.titles()
    lists = f"tasks:{{{anna.id}}}:lists"
    (field,) = redis.hkeys(lists)
    redis.hset(lists, field, b"spoilt")
    assert anna.titles() == ["a"]


def test_an_answer_tells_how_long_redis_and_mongodb_took(anna: Person) -> None:
    missed, hit = (anna.gateway.get("/tasks").headers["Server-Timing"] for _ in range(2))
    assert "cache;dur=" in missed
    assert "db;dur=" in missed
    assert "cache;dur=" in hit
    assert "db;dur=" not in hit


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}])
def test_no_part_of_an_answer_took_longer_than_all_of_it(anna: Person, headers: dict[str, str]) -> None:
    answer = anna.gateway.post("/tasks", json={"title": "a"}, headers=headers)
    took = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    assert took.keys() == {"cache", "db", "app"}
    assert float(took["cache"]) + float(took["db"]) <= float(took["app"])


def test_the_tasks_user_of_redis_can_do_no_more_than_the_cache_needs(stack: LocalStack) -> None:
    url = stack.service_environment("tasks", 1)["TASKYARD_TASKS_REDIS_URL"]
    with Redis.from_url(url) as limited:
        assert limited.ping()
        for forbidden in ("KEYS *", "FLUSHALL", "CONFIG GET *", "ACL LIST", "GET other"):
            with pytest.raises(Exception, match="permission"):
                limited.execute_command(*forbidden.split())
