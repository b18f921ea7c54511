"""What the tests that break something have in common."""

from __future__ import annotations

from tests.api.people import Person
from tools.local_process import Process


def dependencies(person: Person, url: str) -> tuple[int, dict[str, str]]:
    answer = person.at(url).get("/readyz")
    return answer.status_code, answer.json()["dependencies"]


def freeze_or_kill(process: Process, how: str) -> None:
    process.pause() if how == "frozen" else process.kill()
