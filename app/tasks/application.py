from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from app.common import application, mongo, settings
from app.common.keys import read_public_keys
from app.common.tokens import TokenVerifier
from app.tasks import cache
from app.tasks.idempotency import IdempotencyRepository
from app.tasks.repository import TaskRepository
from app.tasks.representation import Representation
from app.tasks.routes import router
from app.tasks.service import TaskService
from app.tasks.settings import TaskSettings


def create_app(given: TaskSettings | None = None) -> FastAPI:
    chosen = given or settings.load(TaskSettings)
    return application.build("Taskyard tasks", chosen, [router], [partial(resources, chosen)], "/tasks")


@asynccontextmanager
async def resources(chosen: TaskSettings, app: FastAPI) -> AsyncIterator[None]:
    """Open what the task routes need, and put it on the application's state."""
    keys = read_public_keys(chosen.tasks_public_keys_file)
    async with mongo.database(chosen.tasks_mongodb_uri) as db:
        tasks, idempotency = TaskRepository(db), IdempotencyRepository(db)
        for repository in (tasks, idempotency):
            await mongo.wait_until_ready(repository.prepare, chosen.startup_timeout_seconds)
        async with cache.connected(
            chosen.tasks_redis_url, chosen.tasks_redis_timeout_ms / 1000, chosen.tasks_cache_ttl_seconds
        ) as lists:
            app.state.tasks = TaskService(
                tasks, idempotency, lists, Representation(chosen.public_url), chosen.tasks_quota
            )
            app.state.verifier = TokenVerifier(keys, chosen.jwt_issuer, chosen.jwt_audience)
            app.state.health.add("mongodb", tasks.ping, required=True)
            app.state.health.add("redis", lists.ping, required=False)
            yield
