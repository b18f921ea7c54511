"""One run: a stack of its own, the clients, the faults."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from bson import ObjectId

from app.auth.signing import TokenSigner
from app.common.keys import read_private_key
from tests.api.relay import Relay
from tests.history import workload
from tests.history.faults import Faults
from tools import servers
from tools.local_stack import LocalStack

SAY_EVERY_SECONDS = 10.0
# Longer than a run: tokens are not what is tested.
_TOKEN_SECONDS = 86_400
_SETTINGS = {"TASKYARD_LOG_LEVEL": "error", "TASKYARD_TASKS_REDIS_TIMEOUT_MS": "200"}


class Session:
    def __init__(self, folder: Path, *, naive: bool = False) -> None:
        self.stack = LocalStack(servers.find(), folder, settings=_SETTINGS)
        self.wire = Relay(self.stack.ports.redis)
        self.tally = workload.Tally()
        self.faults = Faults(self.stack, self.wire)
        self.seconds = 0.0
        if naive:
            for process in self.stack.tasks:
                process.command = [sys.executable, "-m", "tests.history.naive_cache"]
        cut_off_from_redis = self.stack.tasks[-1]
        cut_off_from_redis.environment["TASKYARD_TASKS_REDIS_URL"] = self.stack.cache.url(
            "tasks", self.wire.port
        )

    async def run(self, operations: int, *, faults: bool = True) -> None:
        await self.wire.mend()
        await asyncio.to_thread(self.stack.start)
        try:
            await self._run(operations, faults=faults)
        finally:
            self.stack.stop()
            await self.wire.cut()

    async def _run(self, operations: int, *, faults: bool) -> None:
        key = read_private_key(self.stack.private_key)
        signer = TokenSigner(lambda: key, "taskyard", "taskyard", _TOKEN_SECONDS)
        urls = [*self.stack.task_urls, self.stack.gateway_url]
        began = time.monotonic()
        stop, healed = asyncio.Event(), asyncio.Event()

        async def break_things() -> None:
            if faults:
                await self.faults.go_on(stop)
            healed.set()

        def new_token() -> str:
            return signer.token(str(ObjectId()), "session")

        async with asyncio.TaskGroup() as group:
            group.create_task(break_things())
            saying = group.create_task(self._say(operations, stop))
            explain = self.faults.explain
            await workload.run(urls, new_token, self.tally, operations, healed=healed, explain=explain)
            saying.cancel()
        self.seconds = time.monotonic() - began

    async def _say(self, operations: int, stop: asyncio.Event) -> None:
        began = said = time.monotonic()
        while not stop.is_set():
            await asyncio.sleep(0.2)
            if self.tally.operations >= operations:
                stop.set()
            if time.monotonic() - said > SAY_EVERY_SECONDS:
                said = time.monotonic()
                done, broken = self.tally.operations, self.faults.happened.total()
                print(f"{done} operations, {broken} faults, {done / (said - began):.0f} a second", flush=True)
