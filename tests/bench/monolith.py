"""The picture before the split: both services in one process, and every list is read from MongoDB.

python -m tests.bench.monolith
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from unittest.mock import patch

from app.common.server import main
from app.monolith import MonolithSettings, create_app
from app.tasks import cache
from app.tasks.cache import Load, Outcome, TaskListCache
from app.tasks.entry import Entry

T = TypeVar("T")


class NoCache(TaskListCache):
    def look(self, user: str, query: str, receive: object) -> bool:
        return False

    async def read(self, user: str, query: str, load: Load) -> tuple[Entry, Outcome]:
        return await load(), Outcome.BYPASS

    async def write(self, user: str, operation: Callable[[], Awaitable[T]]) -> T:
        return await operation()


if __name__ == "__main__":
    with patch.object(cache, "TaskListCache", NoCache):
        main("monolith", MonolithSettings, create_app)
