"""Readers and writers at once, on all instances: no read is older than the last write acknowledged before."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from redis import Redis

from tests.api.people import People, Person
from tools.local_stack import LocalStack

Fault = Callable[[LocalStack, Redis], None]
WRITES = 120
WRITES_WITH_FAULTS = 25


@dataclass
class List:
    """One person's only task, whose `order` counts the writes that were acknowledged."""

    person: Person
    url: str
    acknowledged: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    stale: list[tuple[int, int, str]] = field(default_factory=list)

    def write(self, stack: LocalStack, writes: int) -> None:
        path = "/tasks/" + self.url.rsplit("/", 1)[1]
        for order in range(1, writes + 1):
            instance = random.choice(stack.task_urls)
            answer = self.person.at(instance).patch(path, json={"order": order})
            assert answer.status_code == 200
            self.acknowledged = order

    def read(self, stack: LocalStack, done: threading.Event) -> None:
        for instance in itertools.cycle(stack.task_urls):
            if done.is_set():
                return
            expected = self.acknowledged
            answer = self.person.at(instance).get("/tasks")
            assert answer.status_code == 200, answer.text
            outcome = answer.headers["X-Cache"]
            self.outcomes[outcome] += 1
            seen = answer.json()[0]["order"]
            if seen < expected:
                self.stale.append((expected, seen, outcome))


def read_and_write(stack: LocalStack, people: People, writes: int, fault: Fault | None = None) -> list[List]:
    """Two people, each with one writer and three readers; the fault happens again and again meanwhile."""
    lists = []
    for _ in range(2):
        person = people.new()
        lists.append(List(person, person.add("counts", order=0)["url"]))
        for url in stack.task_urls:
            person.at(url)
    done = threading.Event()
    readers = [threading.Thread(target=each.read, args=(stack, done)) for each in lists for _ in range(3)]
    writers = [threading.Thread(target=each.write, args=(stack, writes)) for each in lists]
    for thread in (*readers, *writers):
        thread.start()
    with Redis.from_url(stack.redis_admin_url) as admin:
        while fault and any(thread.is_alive() for thread in writers):
            fault(stack, admin)  # in this thread: a server ends with the thread that started it
            time.sleep(0.05)
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    for each in lists:
        assert each.acknowledged == writes
        assert each.stale == []
    return lists


def test_no_list_is_older_than_the_last_acknowledged_change(stack: LocalStack, people: People) -> None:
    for each in read_and_write(stack, people, WRITES):
        assert each.outcomes["HIT"] > 0
        assert each.outcomes["MISS"] > 0
        assert each.outcomes["BYPASS"] == 0


def kill_clients(stack: LocalStack, admin: Redis) -> None:
    admin.client_kill_filter(skipme=True, _type="normal")


def forget_everything(stack: LocalStack, admin: Redis) -> None:
    admin.flushall()


def be_slow(stack: LocalStack, admin: Redis) -> None:
    admin.client_pause(600, all=True)  # longer than anybody waits
    admin.ping()


def restart(stack: LocalStack, admin: Redis) -> None:
    stack.redis.kill()
    stack.redis.start()
    time.sleep(0.2)


def freeze(stack: LocalStack, admin: Redis) -> None:
    stack.redis.pause()
    time.sleep(0.6)
    stack.redis.resume()
    time.sleep(0.2)


@pytest.mark.parametrize("fault", [kill_clients, forget_everything, be_slow, restart, freeze])
def test_no_list_is_older_while_redis_is_in_trouble(faults: LocalStack, people: People, fault: Fault) -> None:
    read_and_write(faults, people, WRITES_WITH_FAULTS, fault)


def test_no_list_is_older_while_redis_has_too_little_memory(
    faults: LocalStack, redis: Redis, people: People
) -> None:
    """Below what the server itself needs, whatever can be evicted is, and what needs memory is refused."""
    limit = str(redis.config_get("maxmemory")["maxmemory"])
    try:
        for least in (redis.info("memory")["used_memory"] + 20_000, 1):
            redis.config_set("maxmemory", least)
            read_and_write(faults, people, WRITES_WITH_FAULTS)
    finally:
        redis.config_set("maxmemory", limit)
