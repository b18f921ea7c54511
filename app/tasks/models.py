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
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_CONTROLS_BUT_LINES = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_TEXT = re.compile(f"[{_CONTROLS_BUT_LINES}]")  # a text may have tabs and lines
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must not have control characters")
    return value


def _text(value: str) -> str:
    if _CONTROL_IN_TEXT.search(value):
        raise ValueError("must not have control characters other than tabs and line ends")
    return value


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 2.0 is an integer (JSON Schema, 4.2.3)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


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


# What the validators check, said in the API's description: something visible, and nothing that controls.
_SAID_ONE_LINE = Field(json_schema_extra={"pattern": rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"})
_SAID_TEXT = Field(json_schema_extra={"pattern": f"^[^{_CONTROLS_BUT_LINES}]*$"})

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_one_line),
    _SAID_ONE_LINE,
]
Description = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_text), _SAID_TEXT]
Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=50),
    AfterValidator(_one_line),
    _SAID_ONE_LINE,
]
Tags = Annotated[list[Tag], Field(max_length=20)]
Order = Annotated[StrictInt, Field(ge=-MAX_ORDER, le=MAX_ORDER), BeforeValidator(_whole)]
DueAt = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_utc)]
Priority = Literal["low", "normal", "high"]


class TaskCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"title": "Water the plants", "due_at": "2030-03-01T09:30:00Z", "tags": ["home"]}
        },
    )

    title: Title
    description: Description = ""
    completed: StrictBool = False
    order: Order | None = None
    due_at: DueAt | None = None
    priority: Priority = "normal"
    tags: Tags = []


class TaskPatch(BaseModel):
    """Only what is sent changes: the defaults here are never read (`exclude_unset`), and null is no title."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"completed": True}})

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
