"""Readers and writers at once, on all instances: no read is older than the last write acknowledged before."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.api.people import People, Person
from tools.local_stack import LocalStack

WRITES = 120


@dataclass
class List:
    """One person's only task, whose `order` counts the writes that were acknowledged."""

    person: Person
    url: str
    acknowledged: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    stale: list[tuple[int, int, str]] = field(default_factory=list)

    def write(self, stack: LocalStack) -> None:
        path = "/tasks/" + self.url.rsplit("/", 1)[1]
        for order in range(1, WRITES + 1):
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
            outcome = answer.headers["X-Cache"]
            self.outcomes[outcome] += 1
            seen = answer.json()[0]["order"]
            if seen < expected:
                self.stale.append((expected, seen, outcome))


def test_no_list_is_older_than_the_last_acknowledged_change(stack: LocalStack, people: People) -> None:
    lists = []
    for _ in range(2):
        person = people.new()
        lists.append(List(person, person.add("counts", order=0)["url"]))
        for url in stack.task_urls:
            person.at(url)
    done = threading.Event()
    readers = [threading.Thread(target=each.read, args=(stack, done)) for each in lists for _ in range(3)]
    writers = [threading.Thread(target=each.write, args=(stack,)) for each in lists]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    for each in lists:
        assert each.acknowledged == WRITES
        assert each.stale == []
        assert each.outcomes["HIT"] > 0
        assert each.outcomes["MISS"] > 0
        assert each.outcomes["BYPASS"] == 0
