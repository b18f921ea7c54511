from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.common.problems import responses
from app.common.tokens import CurrentUserId
from app.tasks.models import Task, TaskCreate, TaskPatch
from app.tasks.service import TaskService, to_json

router = APIRouter(prefix="/tasks", tags=["tasks"], responses=responses(401))
_JSON = "application/json"
_LIST_HEADERS: dict[str, Any] = {
    "X-Total-Count": {"description": "How many tasks there are.", "schema": {"type": "integer"}},
    "X-Cache": {
        "description": "HIT: from Redis. MISS: from MongoDB. BYPASS: from MongoDB, Redis being no help.",
        "schema": {"type": "string", "enum": ["HIT", "MISS", "BYPASS"]},
    },
}


async def _service(request: Request) -> TaskService:
    service: TaskService = request.app.state.tasks
    return service


TaskServiceDep = Annotated[TaskService, Depends(_service)]


@router.get("", response_model=list[Task], responses={200: {"headers": _LIST_HEADERS}})
async def list_tasks(owner: CurrentUserId, service: TaskServiceDep) -> Response:
    """The caller's tasks, oldest first."""
    entry, outcome = await service.list(owner)
    headers = {
        "X-Total-Count": str(entry.total),
        "X-Cache": outcome.value,
        "Cache-Control": "private, no-cache",
    }
    return Response(entry.body, headers=headers, media_type=_JSON)


@router.post("", status_code=201, response_model=Task)
async def create_task(task: TaskCreate, owner: CurrentUserId, service: TaskServiceDep) -> Response:
    answer = await service.create(owner, task)
    return Response(to_json(answer), 201, {"Location": answer["url"]}, _JSON)


@router.delete("", status_code=204)
async def clear_tasks(owner: CurrentUserId, service: TaskServiceDep) -> Response:
    """Delete all of the caller's tasks."""
    await service.clear(owner)
    return Response(status_code=204)


@router.get("/{task_id}", response_model=Task, responses=responses(404))
async def get_task(task_id: str, owner: CurrentUserId, service: TaskServiceDep) -> Response:
    return Response(to_json(await service.get(owner, task_id)), media_type=_JSON)


@router.patch("/{task_id}", response_model=Task, responses=responses(404))
async def update_task(
    task_id: str, patch: TaskPatch, owner: CurrentUserId, service: TaskServiceDep
) -> Response:
    """Change the fields that are sent, and no others."""
    return Response(to_json(await service.update(owner, task_id, patch)), media_type=_JSON)


@router.delete("/{task_id}", status_code=204, responses=responses(404))
async def delete_task(task_id: str, owner: CurrentUserId, service: TaskServiceDep) -> Response:
    await service.delete(owner, task_id)
    return Response(status_code=204)
