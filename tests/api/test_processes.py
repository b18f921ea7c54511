"""A service as a process: how it starts, why it does not, and how it leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.api.conftest import eventually
from tests.api.people import Person, client
from tools.local_process import Process
from tools.local_stack import LocalStack, free_ports, is_free, wait_until_ready
from tools.packages import ROOT


class Service:
    """One more process of a kind, beside those of the stack."""

    def __init__(self, stack: LocalStack, kind: str, folder: Path, **changes: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {**stack.service_environment(kind, self.port), **changes}
        command = [sys.executable, "-m", f"app.{kind}"]
        self.process = Process(kind, command, folder / f"{kind}.log", environment, cwd=ROOT)

    def start(self) -> None:
        self.process.start()
        wait_until_ready(self.url, self.process)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.process.log.read_text().splitlines()]


@pytest.fixture
def service(stack: LocalStack, tmp_path: Path) -> Iterator[Service]:
    service = Service(stack, "tasks", tmp_path)
    yield service
    service.process.stop()


def run_to_the_end(kind: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"app.{kind}"]
    clean = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        command, capture_output=True, text=True, env=clean, cwd=ROOT, timeout=60, check=False
    )


def test_a_wrong_setting_ends_the_process_with_one_line_that_names_it(stack: LocalStack) -> None:
    environment = stack.service_environment("tasks", 1)
    del environment["TASKYARD_TASKS_REDIS_URL"]
    ended = run_to_the_end("tasks", environment)
    assert ended.returncode == 2
    assert ended.stderr == "taskyard: TASKYARD_TASKS_REDIS_URL is not set\n"


def test_a_port_that_is_taken_ends_the_process_at_once_with_one_line(stack: LocalStack) -> None:
    # The address of a database that does not answer: it must not wait for it first.
    environment = stack.service_environment("tasks", stack.ports.tasks[0])
    environment["TASKYARD_TASKS_MONGODB_URI"] = "mongodb://127.0.0.1:1/x"
    ended = run_to_the_end("tasks", environment)
    assert ended.returncode == 1
    (line,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert line["level"] == "critical"
    assert str(stack.ports.tasks[0]) in line["message"]
    assert ended.stderr == ""


@pytest.mark.parametrize("kind", ["auth", "tasks"])
def test_a_refused_password_ends_the_process_and_is_not_told(stack: LocalStack, kind: str) -> None:
    (port,) = free_ports(1)
    environment = stack.service_environment(kind, port)
    name = f"TASKYARD_{kind.upper()}_MONGODB_URI"
    environment[name] = environment[name].replace(stack.passwords[kind], "wrong-password")
    ended = run_to_the_end(kind, environment)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "wrong-password" not in ended.stdout + ended.stderr
    critical = [line for line in map(json.loads, ended.stdout.splitlines()) if line["level"] == "critical"]
    assert [line["message"] for line in critical] == ["MongoDB refuses this service: Authentication failed."]


def test_mongodb_that_does_not_come_ends_the_process(stack: LocalStack) -> None:
    (port,) = free_ports(1)
    environment = stack.service_environment("auth", port)
    environment["TASKYARD_AUTH_MONGODB_URI"] = "mongodb://127.0.0.1:1/x"
    environment["TASKYARD_STARTUP_TIMEOUT_SECONDS"] = "0"
    ended = run_to_the_end("auth", environment)
    assert ended.returncode == 1
    assert "MongoDB did not answer within 0 s" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_service_that_still_waits_for_mongodb_can_be_stopped(stack: LocalStack, tmp_path: Path) -> None:
    waiting = Service(stack, "auth", tmp_path, TASKYARD_AUTH_MONGODB_URI="mongodb://127.0.0.1:1/x")
    waiting.process.start()
    eventually(lambda: "waiting for MongoDB" in waiting.process.tail())
    waiting.process.terminate()
    assert waiting.process.wait() in {-15, 0}
    assert "Traceback" not in waiting.process.log.read_text()


def test_a_service_starts_before_mongodb_is_there_and_gets_ready_with_it(
    faults: LocalStack, tmp_path: Path
) -> None:
    faults.mongodb.kill()
    service = Service(faults, "tasks", tmp_path)
    service.process.start()
    eventually(lambda: "waiting for MongoDB" in service.process.tail())
    with pytest.raises(httpx.TransportError):
        httpx.get(service.url + "/healthz", trust_env=False)
    faults.mongodb.start()
    wait_until_ready(service.url, service.process)
    service.process.stop()


def test_a_service_starts_without_redis(faults: LocalStack, tmp_path: Path, anna: Person) -> None:
    faults.redis.kill()
    service = Service(faults, "tasks", tmp_path)
    service.start()
    anna.add("a", service.url)
    assert anna.titles(service.url) == ["a"]
    service.process.stop()


def test_a_request_that_is_under_way_is_finished_before_the_process_ends(
    faults: LocalStack, redis: Redis, service: Service, anna: Person
) -> None:
    service.start()
    anna.add("a")
    faults.mongodb.pause()  # holds the answer
    answers: list[httpx.Response] = []
    request = threading.Thread(target=lambda: answers.append(anna.at(service.url).get("/tasks")))
    request.start()
    eventually(lambda: redis.exists(f"tasks:{{{anna.id}}}:version") == 1)  # the lease: it is about to load
    service.process.terminate()
    eventually(lambda: "draining" in service.process.log.read_text())
    faults.mongodb.resume()
    request.join()
    assert answers[0].status_code == 200
    assert [task["title"] for task in answers[0].json()] == ["a"]
    assert service.process.wait() in {-15, 0}


def test_a_process_that_leaves_refuses_new_connections_and_answers_on_those_it_has(
    stack: LocalStack, tmp_path: Path
) -> None:
    service = Service(stack, "tasks", tmp_path, TASKYARD_DRAIN_SECONDS="30")
    service.start()
    with client(service.url) as known, client(service.url) as newcomer:
        assert known.get("/healthz").headers.get("Connection") != "close"
        service.process.terminate()
        eventually(lambda: is_free(service.port))
        with pytest.raises(httpx.ConnectError):
            newcomer.get("/healthz")
        answer = known.get("/healthz")
        assert (answer.status_code, answer.headers["Connection"]) == (200, "close")
    service.process.kill()


def test_a_connection_that_waits_when_the_process_leaves_is_answered(service: Service) -> None:
    service.start()
    service.process.pause()
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as waiting:
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        service.process.terminate()  # pending: both are there when it goes on
        service.process.resume()
        assert waiting.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_what_a_process_says_last_is_written_before_it_ends(service: Service) -> None:
    service.start()
    assert service.process.stop() == -signal.SIGTERM
    assert str(service.lines()[-1]["message"]).startswith("Finished server process")


def test_systemd_is_told_when_the_service_is_ready_and_when_it_leaves(
    stack: LocalStack, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        service = Service(stack, "tasks", tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"))
        service.process.start()
        assert systemd.recv(100) == b"READY=1"
        assert httpx.get(service.url + "/healthz", trust_env=False).status_code == 200
        service.process.terminate()
        assert systemd.recv(100) == b"STOPPING=1"
        service.process.wait()


def test_a_service_that_is_stopped_while_it_says_that_it_is_ready_drains_too(
    stack: LocalStack, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        fill(tmp_path / "notify")
        service = Service(stack, "tasks", tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"))
        service.process.start()
        # It waits until somebody reads what is there, and gets the signal meanwhile.
        eventually(lambda: "unix" in Path(f"/proc/{service.process.pid}/wchan").read_text())
        service.process.terminate()
        systemd.settimeout(60)
        said = iter(lambda: systemd.recv(100), b"STOPPING=1")
        assert b"READY=1" in list(said)
        service.process.wait()
        assert "draining" in service.process.log.read_text()


def fill(queue: Path) -> None:
    """Send to a socket until it takes no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(BlockingIOError):
        sender.setblocking(False)
        sender.connect(str(queue))
        while sender.send(b"before"):
            pass


def succeed(service: Service, listener: socket.socket) -> Process:
    """The next process of a service, as systemd starts it, with the socket that was left, as number 3."""
    passes = f'LISTEN_PID=$$ exec "$@" 3<&{listener.fileno()} {listener.fileno()}<&-'
    return Process(
        "tasks",
        ["bash", "-c", passes, "bash", *service.process.command],
        service.process.log,
        {**service.process.environment, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "listener"},
        cwd=ROOT,
        descriptors=[listener.fileno()],
    )


def test_the_only_instance_leaves_its_port_to_the_next_process_and_refuses_nobody(
    stack: LocalStack, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        telling = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "TASKYARD_HAND_OVER": "true"}
        service = Service(stack, "tasks", tmp_path, **telling)
        service.process.start()
        message, (descriptor,), _, _ = socket.recv_fds(systemd, 100, 1)
        assert message == b"FDSTORE=1\nFDNAME=listener\nFDPOLL=0"
        assert systemd.recv(100) == b"READY=1"
        with socket.socket(fileno=descriptor) as listener:
            service.process.stop()
            assert systemd.recv(100) == b"STOPPING=1"
            waiting = socket.create_connection(("127.0.0.1", service.port), timeout=60)
            with waiting:
                waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                following = succeed(service, listener)
                following.start()
                assert waiting.recv(4096).startswith(b"HTTP/1.1 200 ")
            following.stop()
            # One that may have others beside it keeps its port to itself again.
            following.environment["TASKYARD_HAND_OVER"] = "false"
            following.start()
            wait_until_ready(service.url, following)
            said = iter(lambda: systemd.recv(100), b"FDSTOREREMOVE=1\nFDNAME=listener")
            assert b"STOPPING=1" in list(said)
            following.stop()


def test_a_socket_of_another_address_is_given_up(stack: LocalStack, tmp_path: Path) -> None:
    service = Service(stack, "tasks", tmp_path, TASKYARD_HAND_OVER="true")
    with socket.create_server(("127.0.0.2", service.port)) as elsewhere:
        following = succeed(service, elsewhere)
        following.start()
    wait_until_ready(service.url, following)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", service.port), timeout=60)
    following.stop()


def test_every_line_of_the_log_is_json_and_every_request_has_one(service: Service, anna: Person) -> None:
    service.start()
    anna.at(service.url).get("/tasks?token=secret", headers={"X-Request-ID": "my-request.1"})
    eventually(lambda: "my-request.1" in service.process.log.read_text())
    service.process.stop()
    (line,) = [line for line in service.lines() if line.get("request_id") == "my-request.1"]
    assert line.pop("time")
    assert isinstance(line.pop("duration_ms"), float)
    assert str(line.pop("served_by")).endswith(f":{service.port}")
    assert line == {
        "level": "info",
        "logger": "app.request",
        "message": "request",
        "service": "tasks",
        "request_id": "my-request.1",
        "method": "GET",
        "path": "/tasks",
        "status": 422,
        "client": "127.0.0.1",
    }


def test_both_services_run_in_one_process_too(stack: LocalStack, tmp_path: Path, anna: Person) -> None:
    monolith = Service(stack, "monolith", tmp_path)
    monolith.start()
    with client(monolith.url) as opened:
        account = {"email": f"{anna.id}@example.com", "password": "a good password"}
        assert opened.post("/auth/register", json=account).status_code == 201
        form = {"username": account["email"], "password": account["password"]}
        token = opened.post("/auth/login", data=form).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert opened.post("/tasks", json={"title": "a"}, headers=headers).status_code == 201
        assert [task["title"] for task in opened.get("/tasks", headers=headers).json()] == ["a"]
        assert opened.get("/docs").status_code == 200
    monolith.process.stop()
