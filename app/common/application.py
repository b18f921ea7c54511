"""How a service is put together: the same layers, the same errors and the same health routes in each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.common import health, problems
from app.common.body_limit import BodyLimit
from app.common.context import RequestContext
from app.common.mongo import StartupError
from app.common.settings import CommonSettings
from app.common.version import version

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 1024 * 1024

# Opens what a service needs and puts it on the application's state.
Resource = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build(
    title: str,
    settings: CommonSettings,
    routers: Sequence[APIRouter],
    resources: Sequence[Resource],
    docs_prefix: str = "",
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in resources:
                await stack.enter_async_context(resource(app))
            yield

    app = FastAPI(
        title=title,
        version=version(),
        lifespan=lifespan,
        docs_url=f"{docs_prefix}/docs",
        redoc_url=None,
        openapi_url=f"{docs_prefix}/openapi.json",
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        responses=problems.responses(400, 413, 422, 503),
    )
    app.state.health = health.Health()
    for router in routers:
        app.include_router(router)
    app.include_router(health.router)
    problems.install(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    app.add_middleware(RequestContext, port=settings.port)
    app.add_middleware(PlainStartupFailure)
    return app


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


def _operation_id(route: APIRoute) -> str:
    """Name operations after their functions, so that generated clients get `list_tasks`."""
    return route.name
