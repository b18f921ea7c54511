"""What tutorials make: a cached list with a pool of Redis, json, pydantic, a token that is decoded each time.

Its cache is the one that everybody writes first; what is wrong with it is in docs/decisions/0003-cache.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel
from redis.asyncio import Redis

PUBLIC_KEY = Path(os.environ["TASKYARD_TASKS_PUBLIC_KEYS_FILE"]).read_text()
bearer = OAuth2PasswordBearer(tokenUrl="/auth/login")


class Task(BaseModel):
    id: str
    title: str
    description: str
    completed: bool
    created_at: datetime


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    mongo: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(os.environ["TASKYARD_TASKS_MONGODB_URI"])
    app.state.tasks = mongo.get_default_database()["tasks"]
    app.state.redis = Redis.from_url(os.environ["TASKYARD_TASKS_REDIS_URL"])
    yield


app = FastAPI(lifespan=lifespan)


async def current_user(token: Annotated[str, Depends(bearer)]) -> str:
    try:
        claims = jwt.decode(token, PUBLIC_KEY, algorithms=["RS256"], audience="taskyard", issuer="taskyard")
    except JWTError:
        raise HTTPException(401, "Could not validate credentials") from None
    return str(claims["sub"])


@app.get("/tasks")
async def list_tasks(owner: Annotated[str, Depends(current_user)]) -> list[Task]:
    cached = await app.state.redis.get(f"tutorial:{owner}")
    if cached:
        return [Task(**task) for task in json.loads(cached)]
    tasks = [
        Task(id=str(found.pop("_id")), **found)
        async for found in app.state.tasks.find({"owner": owner}, {"owner": 0}).limit(100)
    ]
    stored = json.dumps([task.model_dump(mode="json") for task in tasks])
    await app.state.redis.set(f"tutorial:{owner}", stored, ex=3600)
    return tasks


@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["TASKYARD_PORT"]), access_log=False, log_level="warning")
