"""What the gateway does with a request whose instance dies while it is at work."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass

import httpx
import pytest
from redis import Redis

from tests.api.conftest import eventually, restore
from tests.api.people import People, Person
from tools.local_stack import LocalStack, wait_until_ready

ATTEMPTS = 12


@dataclass
class Killed:
    answer: httpx.Response
    asked: list[str]  # the instances that the gateway asked, by its own log


def post_and_kill(stack: LocalStack, people: People, redis: Redis, key: str | None) -> Killed:
    """Kill two of the three instances while one of them is at work on a POST.

    Which one the gateway asked is known only afterwards: it is tried until it was one of the two.
    """
    victims = stack.tasks[:2]
    ports = {f"127.0.0.1:{port}" for port in stack.ports.tasks[:2]}
    for _ in range(ATTEMPTS):
        person = people.new()
        headers = {"Idempotency-Key": key} if key else {}
        answers: list[httpx.Response] = []

        def post(person: Person, headers: dict[str, str], answers: list[httpx.Response]) -> None:
            answers.append(person.gateway.post("/tasks", json={"title": "a"}, headers=headers))

        request = threading.Thread(target=post, args=(person, headers, answers), daemon=True)
        eventually(gateway_knows_all, stack, person)
        stack.mongodb.pause()  # holds the write
        request.start()
        eventually(lambda user: redis.zcard(f"tasks:{{{user}}}:writers") == 1, person.id)
        for process in victims:
            process.kill()
        stack.mongodb.resume()
        request.join()
        asked = asked_for(stack, answers[0].headers["X-Request-ID"])
        restore(stack, people)
        if asked[0] in ports:
            return Killed(answers[0], asked)
    raise AssertionError("the gateway never chose an instance that was killed")


def gateway_knows_all(stack: LocalStack, person: Person) -> bool:
    """Whether it asks every instance again: one that was away it leaves out for a while."""
    answers = [person.gateway.get("/tasks") for _ in range(4 * len(stack.tasks))]
    return len({answer.headers.get("X-Served-By") for answer in answers}) == len(stack.tasks)


def asked_for(stack: LocalStack, identity: str) -> list[str]:
    found: list[str] = []

    def written() -> bool:
        for line in (stack.folder / "nginx" / "access.log").read_text(errors="replace").splitlines():
            if identity in line:
                found.extend(json.loads(line)["upstream"].split(", "))
        return bool(found)

    eventually(written)
    return found


def test_a_post_with_a_key_is_passed_on_to_another_instance(
    faults: LocalStack, people: People, redis: Redis
) -> None:
    killed = post_and_kill(faults, people, redis, "one-and-the-same")
    assert killed.answer.status_code == 201
    assert len(killed.asked) >= 2
    assert killed.asked[-1] == f"127.0.0.1:{faults.ports.tasks[2]}"


def test_a_post_with_a_key_that_was_done_before_its_instance_died_is_not_done_again(
    faults: LocalStack, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = [sys.executable, "-m", "tests.api.dying_writer", "after the database write"]
    for url, process in zip(faults.task_urls[:2], faults.tasks[:2], strict=True):
        process.kill()
        monkeypatch.setattr(process, "command", dying)
        process.start()
        wait_until_ready(url, process)

    def passed_on() -> bool:
        person = people.new()
        answer = person.gateway.post("/tasks", json={"title": "a"}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 201
        assert person.gateway.get("/tasks").json() == [answer.json()]
        return "Idempotency-Replayed" in answer.headers

    try:
        eventually(passed_on)
    finally:
        for process in faults.tasks[:2]:
            process.kill()


def test_a_post_without_a_key_is_not_repeated(faults: LocalStack, people: People, redis: Redis) -> None:
    killed = post_and_kill(faults, people, redis, None)
    assert killed.answer.status_code == 502
    assert killed.answer.headers["Content-Type"] == "application/problem+json"
    assert killed.answer.headers["Retry-After"] == "2"
    assert len(killed.asked) == 1


def test_a_post_with_a_key_that_nobody_takes_is_a_problem_document(faults: LocalStack, anna: Person) -> None:
    for process in faults.tasks:
        process.kill()
    answer = anna.gateway.post("/tasks", json={"title": "a"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
