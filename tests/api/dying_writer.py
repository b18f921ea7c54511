"""The task service with a writer that kills its own process at a chosen point of its first write.

    python -m tests.api.dying_writer POINT

POINT is one of POINTS, or HALF_WAY, which only transactions come to. The rest is the service as it is: the
same settings, the same server.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from app.common.mongo import Document
from app.common.server import main
from app.tasks import cache_scripts
from app.tasks.application import create_app
from app.tasks.cache_connection import Script
from app.tasks.cache_wire import Wire
from app.tasks.cache_writer import CacheWriter
from app.tasks.repository import TaskRepository
from app.tasks.settings import TaskSettings

T = TypeVar("T")
POINTS = (
    "before the mark",
    "after the mark",
    "after the database write",
    "after the clear is sent",
    "before the answer",
)
HALF_WAY = "half-way through the tasks"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Replace the steps of a write by themselves with a death before or after."""
    write, script = CacheWriter.write, Wire.script

    async def dying_write(self: CacheWriter, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        async def dying_operation() -> T:
            if point == "after the mark":
                die()
            result = await operation()
            if point == "after the database write":
                die()
            return result

        if point == "before the mark":
            die()
        result = await write(self, user, dying_operation)
        if point == "before the answer":
            die()
        return result

    async def dying_script(self: Wire, given: Script, keys: Any, *args: Any) -> Any:
        if given is cache_scripts.CLEAR and point == "after the clear is sent":
            self.ask("EVALSHA", given.sha, len(keys), *keys, *args)
            await asyncio.sleep(0)  # it is sent at the end of this turn
            await asyncio.sleep(0)  # what the operating system has, it delivers
            die()
        return await script(self, given, keys, *args)

    CacheWriter.write = dying_write  # type: ignore[method-assign] # the whole process is to die in it
    Wire.script = dying_script  # type: ignore[method-assign, assignment] # or in this


def arm_half_way() -> None:
    insert = TaskRepository.insert_within

    async def insert_half(self: TaskRepository, session: Any, documents: Sequence[Document]) -> None:
        await insert(self, session, documents[: (len(documents) + 1) // 2])
        die()

    TaskRepository.insert_within = insert_half  # type: ignore[method-assign] # it dies there


if __name__ == "__main__":
    if sys.argv[1] == HALF_WAY:
        arm_half_way()
    else:
        arm(sys.argv[1])
    main("tasks", TaskSettings, create_app)
