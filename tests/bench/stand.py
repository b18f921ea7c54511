"""A gateway, MongoDB and Redis on this computer, and one port behind them where contestants take turns.

A contestant has a processor of its own where there are several; all else, the client too, shares the others.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
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
from app.tasks.models import TaskCreate
from app.tasks.repository import new_documents
from app.tasks.representation import to_fields
from tests.bench.contestants import PRODUCT, Contestant
from tests.bench.packages import packages_of_a_release
from tests.bench.processes import cpu_seconds
from tools.local_process import Process
from tools.local_stack import LocalStack, Ports, wait_until_ready
from tools.packages import ROOT
from tools.servers import Servers

USERS = 10_000
WRITERS = 1_000  # others, so that the lists that are read stay as they are
TASKS = 20
_REDIS_MEMORY = "1gb"  # everybody's list has room
_TOKEN_SECONDS = 6 * 3600
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
        self.instance = self.stack.task_urls[0]
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
            with self.running(PRODUCT):
                self._keep_answer()
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

    def start(self, contestant: Contestant) -> list[Process]:
        """Start a contestant's instances; return when they are ready."""
        # Without the site's packages, and with a release's.
        command = [*self._pinned, sys.executable, "-S", "-m", contestant.module]
        name = contestant.module.rpartition(".")[2]
        started = []
        for port, url in zip(self.stack.ports.tasks, self.stack.task_urls, strict=True):
            environment = {**contestant.environment(self.stack, port), "PYTHONPATH": str(self._packages)}
            log = self.folder / f"{name}@{port}.log"
            process = Process(contestant.name, command, log, environment, cwd=ROOT)
            process.start()
            started.append(process)
            wait_until_ready(url, process)
        return started

    @contextmanager
    def running(self, contestant: Contestant) -> Iterator[list[Process]]:
        """A contestant's instances behind the gateway."""
        processes = self.start(contestant)
        try:
            self._wait_for_gateway()
            yield processes
        finally:
            for process in processes:
                process.stop()

    def etag(self, user: User) -> str:
        """The entity tag of somebody's list."""
        headers = {"Authorization": f"Bearer {user.token}"}
        return str(httpx.get(f"{self.instance}/tasks", headers=headers, trust_env=False).headers["etag"])

    def empty_cache(self) -> None:
        """Redis forgets all lists."""
        with Redis.from_url(self.stack.redis_admin_url) as redis:
            redis.flushall()

    def operations(self) -> int:
        """How many operations MongoDB has been asked for since it was started."""
        with self.stack.database.admin() as client:
            return sum(client.admin.command("serverStatus")["opcounters"].values())

    def used(self, contestant: Sequence[Process]) -> dict[str, float]:
        """CPU seconds of each part since it was started."""
        stack = self.stack
        parts = {
            "app": contestant,
            "nginx": [stack.gateway],
            "redis": [stack.redis],
            "mongod": [stack.mongodb],
        }
        return {name: sum(cpu_seconds(each.pid) for each in part) for name, part in parts.items()}

    def _wait_for_gateway(self) -> None:
        """It asks an instance that was away again after a moment."""
        headers = {"Authorization": f"Bearer {self.users[0].token}"} if self.users else {}
        give_up = time.monotonic() + 30
        with httpx.Client(base_url=self.gateway, trust_env=False, headers=headers) as client:
            while client.get("/tasks").status_code != httpx.codes.OK:
                if time.monotonic() > give_up:
                    raise RuntimeError("the gateway does not reach the contestant")
                time.sleep(0.1)

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

    def _keep_answer(self) -> None:
        """What the floor has to answer: what the product does, to the byte."""
        headers = {"Authorization": f"Bearer {self.users[0].token}"}
        with httpx.Client(base_url=self.instance, trust_env=False, headers=headers) as client:
            client.get("/tasks")
            hit = client.get("/tasks")
        kept = [[name, value] for name, value in hit.headers.items() if name not in _NOT_THE_ANSWERS]
        (self.folder / "answer.json").write_text(json.dumps({"headers": kept, "body": hit.text}))
