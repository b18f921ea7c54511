"""A gateway, MongoDB and Redis on this computer, and one port behind them where contestants take turns.

A contestant has a processor of its own where there are several; all else, the client too, shares the others.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
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
_CONTESTANT_CPU = 0
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


class Stand:
    def __init__(self, servers: Servers, folder: Path) -> None:
        self.folder = folder
        cpus = sorted(os.sched_getaffinity(0))
        self._pinned = ["taskset", "--cpu-list", str(cpus[_CONTESTANT_CPU])] if len(cpus) > 1 else []
        if self._pinned:  # for all that is started from here
            os.sched_setaffinity(0, set(cpus) - {cpus[_CONTESTANT_CPU]})
        settings = {"TASKYARD_TASKS_CACHE_TTL_SECONDS": "86400", "BENCH_ANSWER": str(folder / "answer.json")}
        self.stack = LocalStack(servers, folder, Ports.free(tasks=1), settings)
        self.port = self.stack.ports.tasks[0]
        self.gateway = self.stack.gateway_url
        self.instance = self.stack.task_urls[0]
        self.users: list[User] = []
        self.writers: list[User] = []

    @contextmanager
    def open(self) -> Iterator[None]:
        """Start everything, and make the users and their lists."""
        with self.stack:
            self.stack.tasks[0].stop()
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

    def start(self, contestant: Contestant) -> Process:
        """Start a contestant; return when it is ready."""
        command = [*self._pinned, sys.executable, "-m", contestant.module]
        environment = contestant.environment(self.stack, self.port)
        name = contestant.module.rpartition(".")[2]
        process = Process(contestant.name, command, self.folder / f"{name}.log", environment, cwd=ROOT)
        process.start()
        wait_until_ready(self.instance, process)
        return process

    @contextmanager
    def running(self, contestant: Contestant) -> Iterator[Process]:
        """A contestant behind the gateway."""
        process = self.start(contestant)
        try:
            self._wait_for_gateway()
            yield process
        finally:
            process.stop()

    def etag(self, user: User) -> str:
        """The entity tag of somebody's list."""
        headers = {"Authorization": f"Bearer {user.token}"}
        return str(httpx.get(f"{self.instance}/tasks", headers=headers, trust_env=False).headers["etag"])

    def empty_cache(self) -> None:
        """Redis forgets all lists."""
        with Redis.from_url(self.stack.redis_admin_url) as redis:
            redis.flushall()

    def used(self, contestant: Process) -> dict[str, float]:
        """CPU seconds of each part since it was started."""
        parts = {"app": contestant, "nginx": self.stack.gateway, "redis": self.stack.redis}
        return {
            name: cpu_seconds(part.pid) for name, part in (parts | {"mongod": self.stack.mongodb}).items()
        }

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
        for number in range(USERS + WRITERS):
            identity = str(ObjectId())
            user = User(identity, signer.token(identity, secrets.token_urlsafe(16)))
            (self.users if number < USERS else self.writers).append(user)
        uri = self.stack.database.uri("tasks")
        with MongoClient[dict[str, object]](uri, tz_aware=True) as client:
            tasks = client.get_default_database()["tasks"]
            fields = [
                to_fields(TaskCreate(title=f"Task {n}", tags=["bench"]).model_dump()) for n in range(TASKS)
            ]
            for first in range(0, USERS, 500):
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
