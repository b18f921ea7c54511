"""Looking at MongoDB on a thread of one's own.

The driver has a few threads for all requests of a process. A look that waited for one of them would tell how
busy this process is, and come late just when it matters.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorCollection

from app.common import mongo
from app.common.mongo import Document


class Lookout:
    """One look at a time, at one collection."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self._collection = collection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lookout")

    async def find(
        self,
        which: dict[str, Any],
        projection: dict[str, Any] | None = None,
        *,
        limit: int = 0,
        seconds: float,
    ) -> list[Document]:
        """Raises UnavailableError when MongoDB did not answer within `seconds` of being asked."""

        def find() -> list[Document]:
            with mongo.translated(), pymongo.timeout(seconds):
                return list(self._collection.delegate.find(which, projection, limit=limit))

        return await asyncio.get_running_loop().run_in_executor(self._thread, find)
