"""What the task service accepts and answers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

# What every JSON reader can hold exactly (RFC 8259, 6), and far inside MongoDB's 64 bits.
MAX_ORDER = 2**53 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # a text may have tabs and lines
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not have control characters")
    return value


def _text(value: str) -> str:
    if _CONTROL_IN_TEXT.search(value):
        raise ValueError("must not have control characters other than tabs and line ends")
    return value


def _rfc3339(value: Any) -> Any:
    """Pydantic would also take numbers and half dates."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be a date and time with an offset, such as 2026-03-01T09:30:00Z")
    return value


def _utc(value: datetime) -> datetime:
    """Bring a time to what MongoDB can keep: UTC, milliseconds."""
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999") from None
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)
]
Description = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_text)]
Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), AfterValidator(_one_line)
]
Tags = Annotated[list[Tag], Field(max_length=20)]
Order = Annotated[StrictInt, Field(ge=-MAX_ORDER, le=MAX_ORDER)]
DueAt = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_utc)]
Priority = Literal["low", "normal", "high"]


class TaskCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title
    description: Description = ""
    completed: StrictBool = False
    order: Order | None = None
    due_at: DueAt | None = None
    priority: Priority = "normal"
    tags: Tags = []


class TaskPatch(BaseModel):
    """Only what is sent changes: the defaults here are never read (`exclude_unset`), and null is no title."""

    model_config = ConfigDict(extra="forbid")

    title: Title = Field(default="", validate_default=False)
    description: Description = ""
    completed: StrictBool = False
    order: Order | None = None
    due_at: DueAt | None = None
    priority: Priority = "normal"
    tags: Tags = []


class Task(BaseModel):
    """A task as it is answered. Times are UTC."""

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
