"""MongoDB killed or frozen: a clear answer in time, and everything by itself again afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.api.breaking import dependencies, freeze_or_kill
from tests.api.conftest import eventually
from tests.api.people import People, Person
from tools.local_stack import LocalStack


@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_without_mongodb_the_answer_is_503_and_says_so_and_all_recovers(
    faults: LocalStack, anna: Person, ben: Person, how: str
) -> None:
    anna.add("a")
    assert anna.titles() == ["a"]
    freeze_or_kill(faults.mongodb, how)
    url = faults.task_urls[0]
    with ThreadPoolExecutor() as threads:  # each takes seconds to give up
        read = threads.submit(ben.at(url).get, "/tasks")
        write = threads.submit(anna.at(url).post, "/tasks", json={"title": "lost"})
        tasks_ready = threads.submit(dependencies, anna, url)
        auth_ready = threads.submit(dependencies, anna, faults.auth_url)
    for answer in (read.result(), write.result()):
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "MongoDB" in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0
    assert tasks_ready.result() == (503, {"mongodb": "down", "redis": "ok"})
    assert auth_ready.result() == (503, {"mongodb": "down", "redis": "ok"})
    assert anna.at(url).get("/healthz").status_code == 200
    if how == "frozen":
        faults.mongodb.resume()
    else:
        faults.mongodb.start()
    eventually(lambda: dependencies(anna, url)[0] == 200)
    before = anna.titles(url)  # the write that timed out may have come true, or not
    assert before[0] == "a"
    anna.add("b", url)
    assert anna.titles(faults.task_urls[1]) == [*before, "b"]


def test_a_mongodb_that_is_shut_down_in_the_middle_of_writes_is_away_and_nobody_has_made_a_mistake(
    faults: LocalStack, people: People
) -> None:
    ended, seen = Event(), set[int]()

    def write(person: Person, url: str) -> None:
        while not ended.is_set():
            seen.add(person.at(url).post("/tasks", json={"title": "a"}).status_code)
            seen.add(person.at(url).delete("/tasks").status_code)

    with ThreadPoolExecutor(12) as threads:
        writers = [threads.submit(write, people.new(), faults.task_urls[number % 3]) for number in range(12)]
        try:
            eventually(lambda: {201, 204} <= seen)
            faults.mongodb.stop()
            eventually(lambda: 503 in seen)
        finally:
            ended.set()
    for writer in writers:
        writer.result()
    assert seen == {201, 204, 503}


def test_a_cached_list_is_answered_by_every_instance_without_mongodb(
    faults: LocalStack, anna: Person
) -> None:
    task = anna.add("a")
    anna.titles()
    faults.mongodb.pause()
    for url in (*faults.task_urls, faults.gateway_url):
        answers = (anna.at(url).get("/tasks") for _ in range(5))
        # On a busy computer Redis may be late once, and nobody stands in for it now: that is 503.
        answer = next(filter(lambda answer: answer.status_code != 503, answers))
        assert (answer.status_code, answer.headers["X-Cache"]) == (200, "HIT")
        assert answer.json() == [task]
        assert "db;dur=" not in answer.headers["Server-Timing"]
