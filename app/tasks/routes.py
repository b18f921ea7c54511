from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from app.common.etags import Condition
from app.common.problems import ProblemError, responses
from app.common.query_strings import QueryString
from app.common.strict_json import StrictRoute
from app.common.tokens import CurrentUserId
from app.tasks import described
from app.tasks.answers import page_answer, task_answer
from app.tasks.described import IdempotencyKey, IfMatch, IfNoneMatch
from app.tasks.models import EXAMPLE_ID, Task, TaskCreate, TaskPatch, TasksCreate, TasksPatch, Updated
from app.tasks.queries import NoParameters, TaskFilter, TaskQuery
from app.tasks.representation import Answer, to_json
from app.tasks.service import TaskService

_JSON = "application/json"
LISTS = "/tasks"


class TaskIdConvertor(Convertor[str]):
    """What is no possible id is no address either: 404, and `/tasks/bulk` has its own methods."""

    regex = r"[0-9a-f]{24}(?!\n)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("task_id", TaskIdConvertor())
router = APIRouter(prefix=LISTS, tags=["tasks"], responses=responses(401), route_class=StrictRoute)


async def _unconditional(request: Request) -> None:
    """Refuse what would be overlooked (RFC 9110, 13.1.1): a list that is changed has no entity tag."""
    if "if-match" in request.headers or "if-unmodified-since" in request.headers:
        raise ProblemError(400, "there is no condition for a whole list: change its tasks one by one")


async def _service(request: Request) -> TaskService:
    service: TaskService = request.app.state.tasks
    return service


list_query = QueryString(TaskQuery)
_filter, _nothing = QueryString(TaskFilter), QueryString(NoParameters)
TaskServiceDep = Annotated[TaskService, Depends(_service)]
TaskId = Annotated[str, Path(pattern="^[0-9a-f]{24}$", examples=[EXAMPLE_ID])]


@router.get("", response_model=list[Task], responses=described.LIST, openapi_extra=list_query.description())
async def list_tasks(
    owner: CurrentUserId,
    service: TaskServiceDep,
    query: Annotated[TaskQuery, Depends(list_query)],
    if_none_match: IfNoneMatch,
) -> Response:
    """A page of the caller's tasks: those that the filters find, in the order that `sort` names."""
    condition = Condition.parse("If-None-Match", if_none_match)
    return page_answer(await service.list(owner, query), condition).response()


@router.post("", status_code=201, response_model=Task, responses=described.CREATE)
async def create_task(
    task: TaskCreate, owner: CurrentUserId, service: TaskServiceDep, idempotency_key: IdempotencyKey
) -> Response:
    """Make a task."""
    return _created(await service.create(owner, task, idempotency_key))


@router.post("/bulk", status_code=201, response_model=list[Task], responses=described.CREATE_ALL)
async def create_tasks(
    tasks: TasksCreate, owner: CurrentUserId, service: TaskServiceDep, idempotency_key: IdempotencyKey
) -> Response:
    """Make up to 500 tasks: all of them, or none if one cannot be made."""
    return _created(await service.create_all(owner, tasks, idempotency_key))


@router.patch(
    "", response_model=Updated, dependencies=[Depends(_unconditional)], openapi_extra=_filter.description()
)
async def update_tasks(
    patch: TasksPatch,
    owner: CurrentUserId,
    service: TaskServiceDep,
    query: Annotated[TaskFilter, Depends(_filter)],
) -> Response:
    """Complete all tasks that the filters find, or the reverse. Without a filter that is all tasks."""
    updated = await service.update_all(owner, query, completed=patch.completed)
    return Response(to_json({"updated": updated}), media_type=_JSON)


@router.delete("", status_code=204, dependencies=[Depends(_unconditional)])
async def clear_tasks(
    owner: CurrentUserId, service: TaskServiceDep, _: Annotated[NoParameters, Depends(_nothing)]
) -> Response:
    """Delete all of the caller's tasks. It takes no filter: one that is sent is refused, not overlooked."""
    await service.clear(owner)
    return Response(status_code=204)


@router.get("/{task_id:task_id}", response_model=Task, responses=described.GET)
async def get_task(
    task_id: TaskId,
    owner: CurrentUserId,
    service: TaskServiceDep,
    if_none_match: IfNoneMatch,
) -> Response:
    """Read a task."""
    condition = Condition.parse("If-None-Match", if_none_match)
    return task_answer(await service.get(owner, task_id), condition)


@router.patch("/{task_id:task_id}", response_model=Task, responses=described.UPDATE)
async def update_task(
    task_id: TaskId,
    patch: TaskPatch,
    owner: CurrentUserId,
    service: TaskServiceDep,
    if_match: IfMatch,
) -> Response:
    """Change the fields that are sent, and no others."""
    answer = await service.update(owner, task_id, patch, Condition.parse("If-Match", if_match))
    return Response(answer.body, headers=answer.headers, media_type=_JSON)


@router.delete("/{task_id:task_id}", status_code=204, responses=described.DELETE)
async def delete_task(
    task_id: TaskId, owner: CurrentUserId, service: TaskServiceDep, if_match: IfMatch
) -> Response:
    """Delete a task."""
    await service.delete(owner, task_id, Condition.parse("If-Match", if_match))
    return Response(status_code=204)


def _created(answer: Answer) -> Response:
    return Response(answer.body, 201, answer.headers, _JSON)
