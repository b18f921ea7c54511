"""A gateway, MongoDB and Redis on this computer, and contestants who take turns behind the gateway.

A contestant has a processor of its own where there are several; all else, the client too, shares the others.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx
from bson import ObjectId
from pymongo import MongoClient
from redis import Redis

from app.auth.signing import TokenSigner
from app.common.keys import read_private_key
from app.tasks import cache_scripts
from app.tasks.models import TaskCreate
from app.tasks.repository import new_documents
from app.tasks.representation import to_fields
from tests.bench.contestants import PRODUCT, Contestant
from tests.bench.packages import packages_of_a_release
from tests.bench.processes import children, cpu_seconds
from tools.local_process import Process
from tools.local_stack import LocalStack, Ports, free_ports, wait_until_ready
from tools.packages import ROOT
from tools.servers import Servers

USERS = 10_000
WRITERS = 1_000  # others, so that the lists that are read stay as they are
TASKS = 20
_REDIS_MEMORY = "1gb"  # everybody's list has room
_TOKEN_SECONDS = 6 * 3600
_RELOAD_SECONDS = 10
_ANY_NUMBER = "1000000 per 5 minutes"  # all load comes from one address
# What is not about the connection, and which the gateway does not make itself.
_NOT_THE_ANSWERS = {
    "date",
    "connection",
    "server",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
}


@dataclass(frozen=True)
class User:
    id: str
    token: str


@dataclass(frozen=True)
class Processors:
    """Those that contestants have, and those that all else has."""

    contestants: set[int]
    others: set[int]

    @classmethod
    def share(cls) -> Processors:
        """The first is the contestants' alone, if there are several. Call it once."""
        cpus = os.sched_getaffinity(0)
        contestants = {min(cpus)}
        others = cpus - contestants or cpus
        os.sched_setaffinity(0, others)  # for all that is started from here
        return cls(contestants, others)

    @property
    def all(self) -> Processors:
        """The same, when contestants may be on any of them."""
        return Processors(self.contestants | self.others, self.others)


# What is done to the gateway's configuration.
Change = Callable[[str], str]


def as_it_is(text: str) -> str:
    """Change nothing."""
    return text


@dataclass(frozen=True)
class Running:
    """A contestant's instances, and the ports that they listen on."""

    processes: list[Process]
    ports: Sequence[int]

    def stop(self) -> None:
        for process in self.processes:
            process.stop()


class Stand:
    """`users` people with lists, and `instances` of whatever contestant runs."""

    def __init__(
        self,
        servers: Servers,
        folder: Path,
        processors: Processors,
        *,
        users: int = USERS,
        instances: int = 1,
    ) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._pinned = ["taskset", "--cpu-list", ",".join(map(str, sorted(processors.contestants)))]
        settings = {
            "TASKYARD_TASKS_CACHE_TTL_SECONDS": "86400",
            "TASKYARD_AUTH_ATTEMPTS_PER_ACCOUNT": _ANY_NUMBER,
            "TASKYARD_AUTH_ATTEMPTS_PER_ADDRESS": _ANY_NUMBER,
            "BENCH_ANSWER": str(folder / "answer.json"),
        }
        self.stack = LocalStack(servers, folder, Ports.free(tasks=instances), settings)
        self._packages = packages_of_a_release()
        self._count = users
        self.gateway = self.stack.gateway_url
        self._in_front_of: tuple[Running, Change] | None = None
        self.users: list[User] = []
        self.writers: list[User] = []

    @contextmanager
    def open(self) -> Iterator[None]:
        """Start everything, and make the users and their lists."""
        with self.stack:
            for instance in self.stack.tasks:
                instance.stop()
            with Redis.from_url(self.stack.redis_admin_url) as redis:
                redis.config_set("maxmemory", _REDIS_MEMORY)
            self._make_users()
            with self.started(PRODUCT) as product:
                self._keep_answer(product)
            yield

    @cached_property
    def everybody(self) -> Path:
        """All users, as wrk.lua reads them."""
        return self.asking("everybody", [user.token for user in self.users])

    def asking(self, name: str, lines: list[str]) -> Path:
        """A file of users as wrk.lua reads them, which nobody else can read."""
        file = self.folder / f"{name}.users"
        file.touch(0o600)
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    def start(self, contestant: Contestant) -> Running:
        """Start a contestant's instances; return when they are ready."""
        # Without the site's packages, and with a release's.
        command = [*self._pinned, sys.executable, "-S", "-m", contestant.module]
        name = contestant.module.rpartition(".")[2]
        running = Running([], free_ports(len(self.stack.tasks)))
        try:
            for port in running.ports:
                environment = {**contestant.environment(self.stack, port), "PYTHONPATH": str(self._packages)}
                log = self.folder / f"{name}@{port}.log"
                process = Process(contestant.name, command, log, environment, cwd=ROOT)
                process.start()
                running.processes.append(process)
                wait_until_ready(f"http://127.0.0.1:{port}", process)
        except BaseException:
            running.stop()
            raise
        return running

    @contextmanager
    def started(self, contestant: Contestant) -> Iterator[Running]:
        """A contestant, whom the gateway does not ask yet."""
        running = self.start(contestant)
        try:
            yield running
        finally:
            running.stop()

    @contextmanager
    def running(self, contestant: Contestant) -> Iterator[Running]:
        """A contestant behind the gateway."""
        with self.started(contestant) as running:
            self.put(running)
            yield running

    def put(self, running: Running, change: Change = as_it_is) -> None:
        """Have the gateway ask these instances from now on, as changed. Raises RuntimeError."""
        if self._in_front_of == (running, change):
            return
        text = self._configuration
        for port, theirs in zip(self.stack.ports.tasks, running.ports, strict=True):
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{theirs}")
        gateway = self.stack.gateway
        file = self.folder / "gateway" / "nginx.conf"
        file.write_text(change(text))
        before, give_up = set(children(gateway.pid)), time.monotonic() + _RELOAD_SECONDS
        os.kill(gateway.pid, signal.SIGHUP)
        while not (workers := children(gateway.pid)) or not before.isdisjoint(workers):
            if time.monotonic() > give_up:
                raise RuntimeError(f"the gateway does not reload:\n{gateway.tail()}")
            time.sleep(0.02)
        self._in_front_of = (running, change)

    @cached_property
    def _configuration(self) -> str:
        """The gateway's, as the product's template has it."""
        return (self.folder / "gateway" / "nginx.conf").read_text()

    def etag(self, user: User) -> str:
        """The entity tag of somebody's list, by the contestant whom the gateway asks."""
        headers = {"Authorization": f"Bearer {user.token}"}
        return str(httpx.get(f"{self.gateway}/tasks", headers=headers, trust_env=False).headers["etag"])

    def forget(self, users: Sequence[User]) -> None:
        """Redis has no lists of theirs any more."""
        with Redis.from_url(self.stack.redis_admin_url) as redis:
            redis.delete(*(key for user in users for key in cache_scripts.keys(user.id)))

    def operations(self) -> int:
        """How many operations MongoDB has been asked for since it was started."""
        with self.stack.database.admin() as client:
            return sum(client.admin.command("serverStatus")["opcounters"].values())

    def used(self, contestant: Running) -> dict[str, float]:
        """CPU seconds of each part since it was started."""
        stack = self.stack
        parts = {
            "app": contestant.processes,
            "nginx": [stack.gateway],
            "redis": [stack.redis],
            "mongod": [stack.mongodb],
        }
        return {name: sum(cpu_seconds(each.pid) for each in part) for name, part in parts.items()}

    def _make_users(self) -> None:
        key = read_private_key(self.stack.private_key)
        signer = TokenSigner(lambda: key, "taskyard", "taskyard", _TOKEN_SECONDS)
        for number in range(self._count + WRITERS):
            identity = str(ObjectId())
            user = User(identity, signer.token(identity, secrets.token_urlsafe(16)))
            (self.users if number < self._count else self.writers).append(user)
        uri = self.stack.database.uri("tasks")
        with MongoClient[dict[str, object]](uri, tz_aware=True) as client:
            tasks = client.get_default_database()["tasks"]
            fields = [
                to_fields(TaskCreate(title=f"Task {n}", tags=["bench"]).model_dump()) for n in range(TASKS)
            ]
            for first in range(0, self._count, 500):
                documents = [
                    document
                    for user in self.users[first : first + 500]
                    for document in new_documents(user.id, fields)
                ]
                tasks.insert_many(documents, ordered=False)

    @property
    def answer_bytes(self) -> int:
        """How large a list is."""
        return len(json.loads((self.folder / "answer.json").read_text())["body"].encode())

    def _keep_answer(self, product: Running) -> None:
        """What the floor has to answer: what the product does, to the byte."""
        headers = {"Authorization": f"Bearer {self.users[0].token}"}
        url = f"http://127.0.0.1:{product.ports[0]}"
        with httpx.Client(base_url=url, trust_env=False, headers=headers) as client:
            client.get("/tasks")
            hit = client.get("/tasks")
        kept = [[name, value] for name, value in hit.headers.items() if name not in _NOT_THE_ANSWERS]
        (self.folder / "answer.json").write_text(json.dumps({"headers": kept, "body": hit.text}))
