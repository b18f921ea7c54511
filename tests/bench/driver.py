"""What MongoDB's driver costs alone: the product's query and bytes that are there already; a bare insert.

The insert is behind the product's own route: the same model, the same check of the token, the same answer.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.common import mongo, settings
from app.common.keys import read_public_keys
from app.common.problems import install
from app.common.strict_json import StrictRoute
from app.common.tokens import CurrentUserId, TokenVerifier
from app.tasks.models import TaskCreate
from app.tasks.queries import TaskQuery
from app.tasks.repository import TaskRepository, new_documents
from app.tasks.representation import Representation, to_fields
from app.tasks.settings import TaskSettings
from tests.bench.bare import BODY, HEADERS

chosen = settings.load(TaskSettings)
representation = Representation(chosen.public_url)
router = APIRouter(route_class=StrictRoute)
everything = TaskQuery()


@router.post("/tasks", status_code=201)
async def insert(task: TaskCreate, owner: CurrentUserId) -> Response:
    (document,) = new_documents(owner, [to_fields(task.model_dump())])
    await framework.state.db["tasks"].insert_one(document)
    answer = representation.created(document)
    return Response(answer.body, 201, answer.headers, "application/json")


@router.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with mongo.database(chosen.tasks_mongodb_uri) as db:
        app.state.db, app.state.repository = db, TaskRepository(db)
        app.state.verifier = TokenVerifier(
            read_public_keys(chosen.tasks_public_keys_file), chosen.jwt_issuer, chosen.jwt_audience
        )
        yield


framework = FastAPI(lifespan=lifespan)
framework.include_router(router)
install(framework)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http" or (scope["method"], scope["path"]) != ("GET", "/tasks"):
        await framework(scope, receive, send)
        return
    token = dict(scope["headers"])[b"authorization"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(b".")[1] + b"=="))
    await framework.state.repository.page(claims["sub"], everything).to_list(None)
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    port = int(os.environ["TASKYARD_PORT"])
    uvicorn.run(app, port=port, loop="uvloop", access_log=False, log_level="warning", timeout_keep_alive=75)
