"""A list is answered past the framework, or by it: nobody can tell which.

Who gets which request is shown in tests/unit/test_protocol.py and tests/unit/test_hot_path.py.
"""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.api.people import Person
from tools.local_stack import LocalStack

# The framework takes a request that tells the length of a body, even if there is none.
_PAST_IT, _BY_IT = "", "Content-Length: 0\r\n"
_PASSING = re.compile(rb"(?m)^(date|server-timing): .*\r\n")


def raw(person: Person, url: str, target: str, headers: str) -> bytes:
    """All bytes of an answer, without those of the moment."""
    at = urlsplit(url)
    assert at.hostname
    assert at.port
    lines = f"GET {target} HTTP/1.1\r\nHost: x\r\nX-Request-ID: one\r\n"
    request = f"{lines}Authorization: Bearer {person.token}\r\n{headers}\r\n".encode("latin-1")
    # Who says that a connection ends is answered by the framework, so it ends with another request.
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection((at.hostname, at.port), timeout=20) as connection:
        connection.sendall(request + last)
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    answer, beginning, _ = answers.rpartition(b"HTTP/1.1 200 OK\r\n")
    assert beginning
    return _PASSING.sub(b"", answer)


@pytest.fixture
def reader(anna: Person) -> Person:
    for number in range(5):
        anna.add(f"täsk {number}", priority="high" if number % 2 else "low")
    return anna


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/tasks", "", 200),
        ("/tasks?limit=2", "", 200),
        ("/tasks?priority=high&sort=-created_at", "", 200),
        ("/tasks?sort=-created_at&priority=high&limit=1", "", 200),
        ("/tasks?completed=true", "", 200),
        ("/tasks", "If-None-Match: *\r\n", 304),
        ("/tasks", 'If-None-Match: "x"\r\nIf-None-Match: "y"\r\n', 200),
        ("/tasks", "If-None-Match: x\r\n", 400),
        ("/tasks", 'If-None-Match: "\xe4"\r\n', 200),
        ("/tasks", "If-Match: *\r\nAccept: text/html\r\nRange: bytes=0-1\r\n", 200),
        ("/tasks?limit=0", "", 422),
        ("/tasks?limit=2&limit=2", "", 422),
        ("/tasks?no=such", "", 422),
        ("/tasks?q=%ff", "", 422),
        ("/tasks", "Authorization: Bearer another\r\n", 401),
        ("/tasks/", "", 404),
        ("/tasks%0a", "", 404),
    ],
)
def test_an_answer_is_the_same_whoever_made_it(
    stack: LocalStack, reader: Person, target: str, headers: str, status: int
) -> None:
    url = stack.task_urls[0]
    raw(reader, url, target, _PAST_IT + headers)  # it is in the cache now
    past = raw(reader, url, target, _PAST_IT + headers)
    assert past == raw(reader, url, target, _BY_IT + headers)
    assert past.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("target", ["/tasks", "/tasks?limit=2"])
def test_what_is_read_from_mongodb_is_the_same_too(stack: LocalStack, reader: Person, target: str) -> None:
    url, answers = stack.task_urls[0], []
    for way in (_PAST_IT, _BY_IT):
        task = reader.add("forgotten at once")
        reader.gateway.delete(task["url"])
        answers.append(raw(reader, url, target, way))
    assert b"x-cache: MISS" in answers[0]
    assert answers[0] == answers[1]


def test_the_pages_of_a_list_are_the_same_to_the_last_one(stack: LocalStack, reader: Person) -> None:
    url, target, pages = stack.task_urls[0], "/tasks?limit=2", 0
    while target:
        raw(reader, url, target, _PAST_IT)
        past = raw(reader, url, target, _PAST_IT)
        assert past == raw(reader, url, target, _BY_IT)
        following = re.search(rb'<[^>]*(/tasks[^>]*)>; rel="next"', past)
        target = following[1].decode() if following else ""
        pages += 1
    assert pages == 3


def test_a_problem_on_the_way_is_the_same(faults: LocalStack, reader: Person) -> None:
    faults.redis.pause()
    faults.mongodb.pause()
    url = faults.task_urls[0]
    past = raw(reader, url, "/tasks?limit=3", _PAST_IT)
    assert past.startswith(b"HTTP/1.1 503 ")
    assert past == raw(reader, url, "/tasks?limit=3", _BY_IT)
