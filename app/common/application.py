"""How a service is put together: the same layers, the same errors and the same health routes in each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common import health, openapi, problems
from app.common.body_limit import BodyLimit
from app.common.context import RequestContext
from app.common.cross_origin import cross_origin
from app.common.failures import Failures
from app.common.head import HeadAsGet
from app.common.mongo import StartupError
from app.common.protocol import HotPath
from app.common.settings import CommonSettings
from app.common.version import version

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 1024 * 1024

# Opens what a service needs and puts it on the application's state.
Resource = Callable[["Service"], AbstractAsyncContextManager[None]]
# What is put around an application.
Layer = Callable[[ASGIApp], ASGIApp]


def build(
    title: str,
    settings: CommonSettings,
    routers: Sequence[APIRouter],
    resources: Sequence[Resource],
    *,
    prefix: str = "",
) -> Service:
    """Make a service. Its OpenAPI document is at `prefix`/openapi.json."""

    @asynccontextmanager
    async def lifespan(app: Service) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in resources:
                await stack.enter_async_context(resource(app))
            yield

    app = Service(
        title=title,
        version=version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{prefix}/openapi.json",
        redirect_slashes=False,
        **openapi.OPTIONS,
    )
    app.state.health = health.Health()
    for router in [*routers, health.router]:
        app.include_router(router)
    openapi.install(app)
    problems.install(app)
    # The last that is added is the first that a request meets.
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Failures)
    app.add_middleware(PlainStartupFailure)
    if settings.cors_origins:
        app.surround(partial(cross_origin, origins=settings.cors_origins))
    app.surround(partial(RequestContext, port=settings.port))
    return app


class Service(FastAPI):
    """The framework's application within layers of ours; the server asks `hot_path` before all of them.

    Middleware that is added to it is the framework's: on the way there are layers of its own.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hot_path: HotPath | None = None
        self._http: ASGIApp = super().__call__

    def surround(self, layer: Layer) -> None:
        """Put another layer around all others: requests (HTTP, nothing else) meet it first."""
        self._http = layer(self._http)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["app"] = self
            await self._http(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class PlainStartupFailure:
    """Says in one line why the process cannot start, where the framework would log its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failures: list[Message] = []

        async def hold_back(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                failures.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, hold_back)
        except StartupError as error:
            logger.critical("%s", error)
            await send({"type": "lifespan.startup.failed", "message": ""})
        except asyncio.CancelledError:
            await send({"type": "lifespan.startup.failed", "message": ""})
            raise
        except BaseException:
            for message in failures:
                await send(message)
            raise
