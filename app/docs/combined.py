"""One OpenAPI document for all that the gateway passes on."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import FastAPI

from app.auth.routes import router as auth
from app.common import openapi
from app.common.version import version
from app.tasks.routes import router as tasks


@functools.cache
def document() -> dict[str, Any]:
    """Describe both services' routes. That opens no database: nothing is ever asked of this application."""
    app = FastAPI(title="Taskyard", version=version(), **openapi.OPTIONS)
    app.include_router(auth)
    app.include_router(tasks)
    return openapi.complete(app.openapi())
