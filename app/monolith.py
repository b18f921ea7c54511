"""Both services in one process: the picture before the split, and the smallest way to run everything."""

from __future__ import annotations

from functools import partial

from app import docs
from app.auth import application as auth
from app.auth.routes import router as auth_router
from app.auth.settings import AuthSettings
from app.common import application, settings
from app.common.application import Service
from app.common.server import main
from app.tasks import application as tasks
from app.tasks.routes import router as tasks_router
from app.tasks.settings import TaskSettings


class MonolithSettings(AuthSettings, TaskSettings):
    pass


def create_app(given: MonolithSettings | None = None) -> Service:
    chosen = given or settings.load(MonolithSettings)
    return application.build(
        "Taskyard",
        chosen,
        [auth_router, tasks_router, docs.router],
        [partial(auth.resources, chosen), partial(tasks.resources, chosen)],
    )


if __name__ == "__main__":
    main("monolith", MonolithSettings, create_app)
