"""What the gateway's reload costs those who use kept connections: roles/nginx says so."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import httpx

from tests.api.conftest import eventually
from tests.api.people import People, Person
from tools.local_stack import LocalStack

CLIENTS, RELOADS = 4, 10


class Writer(threading.Thread):
    """Somebody who adds tasks one after the other, and remembers which were answered."""

    def __init__(self, person: Person) -> None:
        super().__init__()
        self.person = person
        self.enough = threading.Event()
        self.added: list[str] = []
        self.unanswered: list[str] = []
        self.others: list[str] = []

    def run(self) -> None:
        for number in range(1_000_000):
            if self.enough.is_set():
                return
            try:
                answer = self.person.gateway.post("/tasks", json={"title": str(number)})
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                self.unanswered.append(str(number))
                continue
            (self.added if answer.status_code == 201 else self.others).append(str(number))


def reloaded(stack: LocalStack) -> None:
    """Nginx has new workers, and tells those that were there to end."""
    before = workers(stack)
    os.kill(stack.gateway.pid, signal.SIGHUP)
    eventually(lambda: not before & workers(stack))


def workers(stack: LocalStack) -> set[str]:
    master = stack.gateway.pid
    return set(Path(f"/proc/{master}/task/{master}/children").read_text().split())


def test_a_request_that_meets_a_reload_is_answered_or_was_not_carried_out(
    stack: LocalStack, people: People
) -> None:
    writers = [Writer(people.new()) for _ in range(CLIENTS)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(RELOADS):
            seen = [len(writer.added) for writer in writers]
            reloaded(stack)
            eventually(lambda seen: all(len(w.added) > n for w, n in zip(writers, seen, strict=True)), seen)
    finally:
        for writer in writers:
            writer.enough.set()
            writer.join()
    with stack.database.admin() as mongodb:
        for writer in writers:
            assert writer.others == []
            assert len(writer.unanswered) <= RELOADS, "a reload closes a connection once"
            tasks = mongodb["taskyard_tasks"]["tasks"].find({"owner": writer.person.id})
            assert sorted(task["title"] for task in tasks) == sorted(writer.added)


def test_a_client_without_kept_connections_notices_no_reload(stack: LocalStack, people: People) -> None:
    person = people.new()
    person.gateway.headers["Connection"] = "close"
    writer = Writer(person)
    writer.start()
    try:
        for _ in range(RELOADS):
            reloaded(stack)
    finally:
        writer.enough.set()
        writer.join()
    assert writer.added
    assert writer.unanswered + writer.others == []
