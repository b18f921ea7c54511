"""What the task service accepts and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from app.common.patches import Patch
from app.tasks.fields import Description, Order, Priority, Tags, Time, Title

MAX_BULK = 500
EXAMPLE_ID = "665af1c2e4b0a1b2c3d4e5f6"
_NEW: dict[str, Any] = {
    "title": "Water the plants",
    "due_at": "2030-06-01T10:00:00Z",
    "priority": "high",
    "tags": ["home"],
}
_ANSWERED: dict[str, Any] = {
    "id": EXAMPLE_ID,
    "url": f"http://192.168.56.10/tasks/{EXAMPLE_ID}",
    "title": "Water the plants",
    "description": "",
    "completed": False,
    "order": None,
    "due_at": "2030-06-01T10:00:00Z",
    "priority": "high",
    "tags": ["home"],
    "created_at": "2030-05-30T08:15:00.123000Z",
    "updated_at": "2030-05-30T08:15:00.123000Z",
}


class TaskCreate(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_NEW]})

    title: Title
    description: Description = ""
    completed: StrictBool = False
    order: Order | None = None
    due_at: Time | None = None
    priority: Priority = "normal"
    tags: Tags = []


class TaskPatch(Patch):
    """Only what is sent changes: the defaults here are never read (`exclude_unset`), and null is no title."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"completed": True}]})

    title: Title = Field(default="", validate_default=False)
    description: Description = ""
    completed: StrictBool = False
    order: Order | None = None
    due_at: Time | None = None
    priority: Priority = "normal"
    tags: Tags = Field(default=[])


TasksCreate = Annotated[list[TaskCreate], Field(min_length=1, max_length=MAX_BULK)]


class TasksPatch(BaseModel):
    """What changes in all tasks that a filter finds."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"completed": True}]})

    completed: StrictBool


class Task(BaseModel):
    """A task as it is answered. Times are UTC."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ANSWERED]})

    id: str
    url: str
    title: str
    description: str
    completed: bool
    order: int | None
    due_at: datetime | None
    priority: Priority
    tags: list[str]
    created_at: datetime
    updated_at: datetime


class Updated(BaseModel):
    """How many tasks were changed: those that were so already are not counted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"updated": 3}]})

    updated: int
