"""Auth or a task instance stopped or killed while people use the rest."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Self

import httpx
import pytest
from redis import Redis

from tests.api.conftest import eventually
from tests.api.people import People, Person
from tools.local_stack import LocalStack, wait_until_ready

PEOPLE = 4


def test_without_auth_those_who_signed_in_go_on(faults: LocalStack, anna: Person) -> None:
    for process in faults.auth:
        process.kill()
    anna.add("a")
    assert anna.titles() == ["a"]
    answer = anna.gateway.get("/auth/me")
    assert answer.status_code in {502, 503}
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_instance_killed_within_a_write_never_makes_the_list_old(
    faults: LocalStack, redis: Redis, anna: Person
) -> None:
    writer, reader = faults.task_urls[0], faults.task_urls[1]
    anna.add("a")
    assert anna.titles(reader) == ["a"]
    faults.mongodb.pause()  # holds the write between its mark and its end
    request = threading.Thread(target=write_and_lose, args=(anna, writer), daemon=True)
    request.start()
    eventually(lambda: redis.zcard(f"tasks:{{{anna.id}}}:writers") == 1)
    faults.tasks[0].kill()
    request.join()
    faults.mongodb.resume()
    # Nobody knows whether the write still happens; the list that is answered is always MongoDB's own.
    with faults.database.admin() as mongodb:
        tasks = mongodb["taskyard_tasks"]["tasks"]
        for _ in range(20):
            before = tasks.count_documents({"owner": anna.id})
            answer = anna.at(reader).get("/tasks")
            assert answer.headers["X-Cache"] == "MISS"  # the mark stands: nothing is stored
            assert before <= len(answer.json()) <= tasks.count_documents({"owner": anna.id})


def write_and_lose(person: Person, url: str) -> None:
    with pytest.raises(httpx.TransportError):
        person.at(url).post("/tasks", json={"title": "b"})


class Load:
    """People who go on asking the gateway; `statuses` counts the answers."""

    def __init__(self, people: People, *, writes: bool) -> None:
        self.statuses: Counter[int | str] = Counter()
        self._writes = writes
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(people.new(),)) for _ in range(PEOPLE)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def until(self, answers: int) -> None:
        eventually(lambda: self.statuses.total() >= answers)

    def _ask(self, person: Person) -> None:
        while not self._done.is_set():
            self._count(lambda: person.gateway.get("/tasks"))
            if self._writes:
                self._count(lambda: person.gateway.post("/tasks", json={"title": "x"}))
                self._count(lambda: person.gateway.delete("/tasks"))

    def _count(self, request: Callable[[], httpx.Response]) -> None:
        try:
            status: int | str = request().status_code
        except httpx.HTTPError as error:
            status = type(error).__name__
        with self._lock:
            self.statuses[status] += 1


def test_an_instance_that_is_stopped_under_load_costs_no_request(faults: LocalStack, people: People) -> None:
    with Load(people, writes=True) as load:
        load.until(50)
        faults.tasks[1].stop()
        load.until(load.statuses.total() + 50)
        faults.tasks[1].start()
        wait_until_ready(faults.task_urls[1], faults.tasks[1])
        load.until(load.statuses.total() + 50)
    assert load.statuses.keys() == {200, 201, 204}, load.statuses


def test_an_instance_that_is_killed_costs_no_more_than_it_was_answering(
    faults: LocalStack, people: People
) -> None:
    with Load(people, writes=False) as load:
        load.until(100)
        faults.tasks[2].kill()
        load.until(load.statuses.total() + 200)
    # Reads go to the next instance; only an answer that was half sent cannot be taken back.
    assert load.statuses.total() - load.statuses[200] <= PEOPLE, load.statuses
