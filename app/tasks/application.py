from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from app.common import application, deletions, files, mongo, revocations, settings
from app.common.application import Service
from app.common.deletions import Deletions
from app.common.files import Reread
from app.common.keys import read_public_keys
from app.common.poller import polling
from app.common.revocations import Revocations
from app.common.tokens import TokenVerifier
from app.tasks import cache
from app.tasks.cache_writer import stale_seconds
from app.tasks.hot_path import HotPath
from app.tasks.idempotency import IdempotencyRepository
from app.tasks.repository import TaskRepository
from app.tasks.representation import Representation
from app.tasks.routes import LISTS, list_query, router
from app.tasks.service import TaskService
from app.tasks.settings import TaskSettings
from app.tasks.suspensions import LOOK_SECONDS, MongoSuspensions


def create_app(given: TaskSettings | None = None) -> Service:
    chosen = given or settings.load(TaskSettings)
    return application.build("Taskyard tasks", chosen, [router], [partial(resources, chosen)], prefix=LISTS)


@asynccontextmanager
async def resources(chosen: TaskSettings, app: Service) -> AsyncIterator[None]:
    """Open what the task routes need, and put it on the application's state."""
    keys_file = chosen.tasks_public_keys_file
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(mongo.database(chosen.tasks_mongodb_uri))
        tasks, keys, ended = TaskRepository(db), IdempotencyRepository(db), Revocations(db)
        ttl_seconds = chosen.tasks_cache_ttl_seconds
        suspensions = MongoSuspensions(db, stale_seconds(ttl_seconds))

        async def prepare() -> None:
            for repository in (tasks, keys, suspensions):
                await repository.prepare()
            async with mongo.deadline():
                await ended.look()  # whoever was signed out stays out after a restart

        await mongo.wait_until_ready(prepare, chosen.startup_timeout_seconds)
        lists = await stack.enter_async_context(
            cache.connected(
                chosen.tasks_redis_url,
                chosen.tasks_redis_timeout_ms / 1000,
                ttl_seconds,
                suspensions,
                chosen.tasks_redis_away,
            )
        )
        service = TaskService(tasks, keys, lists, Representation(chosen.public_url), chosen.tasks_quota)
        verifier = TokenVerifier({}, chosen.jwt_issuer, chosen.jwt_audience, ended)
        reread = Reread([keys_file], lambda: verifier.use(read_public_keys(keys_file)))
        app.hot_path = HotPath(LISTS, list_query, service, verifier, chosen)
        app.state.tasks = service
        app.state.verifier = verifier
        app.state.health.add("mongodb", tasks.ping, required=True)
        app.state.health.add("redis", lists.ping, required=False)
        app.state.health.tell("keys", lambda: sorted(verifier.keys))
        for name, look, seconds in (
            ("suspensions", suspensions.look, LOOK_SECONDS),
            ("revocations", ended.look, revocations.LOOK_EVERY_SECONDS),
            ("deletions", Deletions(db, service.purge).look, deletions.LOOK_EVERY_SECONDS),
            ("keys", reread.look, files.LOOK_EVERY_SECONDS),
        ):
            await stack.enter_async_context(polling(name, look, seconds))
        yield
