"""Clients that take their time: the gateway ends them, or bounds them, and nobody else waits."""

from __future__ import annotations

import json
import select
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.api.conftest import eventually
from tests.api.people import Person, client
from tests.attacks.attack import Scene, request
from tests.attacks.conftest import PATIENCE, REQUESTS
from tests.attacks.targets import GATEWAY
from tests.attacks.wire import exchange, split
from tools.local_stack import LocalStack

SLOW_ADDRESS = "127.0.0.7"  # every address of 127.0.0.0/8 is this computer's
MANY = 200
# What a busy computer may add to a time-out.
GRACE_SECONDS = 5
PAUSE_SECONDS = 0.3


class Honest:
    """Somebody who asks for a list ten times a second meanwhile."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._over = threading.Event()
        self.seconds: list[float] = []
        self.statuses: set[int] = set()

    def ask(self) -> None:
        with client(self._person.stack.gateway_url, headers=self._person.headers) as asking:
            while not self._over.wait(0.1):
                began = time.monotonic()
                self.statuses.add(asking.get("/tasks").status_code)
                self.seconds.append(time.monotonic() - began)

    def stop(self) -> None:
        self._over.set()


@contextmanager
def honest(person: Person) -> Iterator[Honest]:
    """Give somebody honest. Afterwards: all answers came, and in time."""
    asking = Honest(person)
    thread = threading.Thread(target=asking.ask)
    thread.start()
    try:
        yield asking
    finally:
        asking.stop()
        thread.join()
    assert asking.statuses == {200}
    assert statistics.median(asking.seconds) < 0.5


@contextmanager
def connections(port: int, count: int, address: str = SLOW_ADDRESS) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 10, (address, 0)))
            for _ in range(count)
        ]


def received(connection: socket.socket) -> bytes | None:
    """What has come, b"" for the end, or None."""
    if not select.select([connection], [], [], 0)[0]:
        return None
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def drip(opened: list[socket.socket], seconds: float) -> tuple[list[float], dict[socket.socket, bytes]]:
    """Send a byte now and then. Returns when connections were ended, and what came on them."""
    began = time.monotonic()
    ended: list[float] = []
    answers: dict[socket.socket, bytes] = {}
    going = list(opened)
    while going and time.monotonic() - began < seconds:
        for connection in list(going):
            try:
                connection.send(b"x")
            except ConnectionError:
                going.remove(connection)
                ended.append(time.monotonic() - began)
                continue
            came = received(connection)
            if came:
                answers[connection] = came
            if came is not None:
                going.remove(connection)
                ended.append(time.monotonic() - began)
        time.sleep(PAUSE_SECONDS)
    return ended, answers


def seen_by_a_service(stack: LocalStack, scene: Scene) -> bool:
    return any(scene.word.encode() in process.log.read_bytes() for process in stack.tasks)


def post(scene: Scene, length: int) -> bytes:
    return scene.fill(
        b"POST /tasks HTTP/1.1\r\nHost: x\r\nX-Request-ID: @WORD@\r\nAuthorization: Bearer @TOKEN@\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length
    )


def test_slow_headers_are_ended(stack: LocalStack, scene: Scene) -> None:
    with honest(scene.person), connections(stack.ports.gateway, MANY) as opened:
        for connection in opened:
            connection.sendall(b"GET /tasks HTTP/1.1\r\nHost: x\r\nX-A: ")
        ended, _ = drip(opened, PATIENCE + GRACE_SECONDS)
    assert len(ended) == MANY
    assert min(ended) > PATIENCE / 2


def test_a_silent_connection_is_ended(stack: LocalStack, scene: Scene) -> None:
    with honest(scene.person), connections(stack.ports.gateway, MANY) as opened:
        time.sleep(PATIENCE / 2)
        assert all(received(connection) is None for connection in opened)
        eventually(lambda: all(received(connection) == b"" for connection in opened))


def test_a_body_that_stops_is_ended(stack: LocalStack, scene: Scene) -> None:
    seen = exchange(
        scene.target.endpoint(GATEWAY), post(scene, 1000) + b'{"title":', PATIENCE + GRACE_SECONDS
    )
    assert seen.closed
    assert seen.answers == []
    assert seen.seconds > PATIENCE / 2
    assert not seen_by_a_service(stack, scene)


def test_dripping_bodies_are_few(stack: LocalStack, scene: Scene) -> None:
    more = 20
    with honest(scene.person), connections(stack.ports.gateway, REQUESTS + more) as opened:
        for connection in opened:
            connection.sendall(post(scene, 1000))
        ended, answers = drip(opened, 2 * PATIENCE)
        assert len(ended) == more
        for answer in answers.values():
            assert split(answer)[0][0].status == 429
            assert split(answer)[0][0].header("Content-Type") == "application/problem+json"
        assert len(answers) == more
        # Others are not counted with them.
        assert exchange(
            scene.target.endpoint(GATEWAY), b"GET /healthz HTTP/1.0\r\n\r\n", address="127.0.0.8"
        ).answers
    assert not seen_by_a_service(stack, scene)


def test_an_answer_that_is_not_read_is_ended(stack: LocalStack, scene: Scene) -> None:
    tasks = [{"title": "x", "description": "\U0001f600" * 10_000}] * 20  # 8 MB in all
    for _ in range(10):
        body = json.dumps(tasks, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        assert scene.person.gateway.post("/tasks/bulk", content=body, headers=headers).status_code == 201
    asked = scene.fill(request("GET /tasks?limit=200", "X-Request-ID: @WORD@"))
    with honest(scene.person), socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", stack.ports.gateway))
        connection.sendall(asked)
        line = logged(stack, scene)
    assert PATIENCE / 2 < line["seconds"] < PATIENCE + GRACE_SECONDS
    assert float(line["upstream_seconds"]) < PATIENCE / 2
    assert line["bytes"] < 8_000_000


def logged(stack: LocalStack, scene: Scene) -> dict[str, float]:
    found: list[dict[str, float]] = []

    def written() -> bool:
        lines = (stack.folder / "nginx" / "access.log").read_text(errors="replace").splitlines()
        found.extend(json.loads(line) for line in lines if scene.word in line)
        return bool(found)

    eventually(written)
    return found[0]


def test_pipelined_requests_are_answered_in_order(stack: LocalStack, scene: Scene) -> None:
    line = "GET /tasks HTTP/1.1\r\nHost: x\r\nX-Request-ID: {}\r\nAuthorization: Bearer @TOKEN@\r\n{}\r\n"
    names = [f"{scene.word}.{number}" for number in range(500)]
    data = "".join(line.format(name, "Connection: close\r\n" * (name == names[-1])) for name in names)
    answers: list[str | None] = []
    with socket.create_connection(("127.0.0.1", stack.ports.gateway), 20) as connection:
        connection.sendall(scene.fill(data.encode()))
        whole = b"".join(iter(lambda: connection.recv(65536), b""))
    for answer in split(whole)[0]:
        assert answer.status == 200
        answers.append(answer.header("X-Request-ID"))
    assert answers == names


@pytest.fixture(autouse=True)
def everything_is_over(scene: Scene) -> Iterator[None]:
    """The next test finds no connection of this one: those of one address are counted together."""
    yield
    probe = b"GET /healthz HTTP/1.0\r\n\r\n"
    eventually(
        lambda: (
            [
                each.status
                for each in exchange(scene.target.endpoint(GATEWAY), probe, address=SLOW_ADDRESS).answers
            ]
            == [200]
        )
    )
