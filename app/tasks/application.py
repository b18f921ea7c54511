from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from app.common import application, mongo, settings
from app.common.keys import read_public_keys
from app.common.poller import polling
from app.common.tokens import TokenVerifier
from app.tasks import cache
from app.tasks.cache_writer import stale_seconds
from app.tasks.repository import TaskRepository
from app.tasks.routes import router
from app.tasks.service import TaskService
from app.tasks.settings import TaskSettings
from app.tasks.suspensions import LOOK_SECONDS, MongoSuspensions


def create_app(given: TaskSettings | None = None) -> FastAPI:
    chosen = given or settings.load(TaskSettings)
    return application.build("Taskyard tasks", chosen, [router], [partial(resources, chosen)], "/tasks")


@asynccontextmanager
async def resources(chosen: TaskSettings, app: FastAPI) -> AsyncIterator[None]:
    """Open what the task routes need, and put it on the application's state."""
    keys = read_public_keys(chosen.tasks_public_keys_file)
    async with mongo.database(chosen.tasks_mongodb_uri) as db:
        tasks = TaskRepository(db)
        await mongo.wait_until_ready(tasks.prepare, chosen.startup_timeout_seconds)
        ttl_seconds = chosen.tasks_cache_ttl_seconds
        suspensions = MongoSuspensions(db, stale_seconds(ttl_seconds))
        await mongo.wait_until_ready(suspensions.prepare, chosen.startup_timeout_seconds)
        async with (
            polling("suspensions", suspensions.look, LOOK_SECONDS),
            cache.connected(
                chosen.tasks_redis_url,
                chosen.tasks_redis_timeout_ms / 1000,
                ttl_seconds,
                suspensions,
                chosen.tasks_redis_away,
            ) as lists,
        ):
            app.state.tasks = TaskService(tasks, lists, chosen.public_url)
            app.state.verifier = TokenVerifier(keys, chosen.jwt_issuer, chosen.jwt_audience)
            app.state.health.add("mongodb", tasks.ping, required=True)
            app.state.health.add("redis", lists.ping, required=False)
            yield
