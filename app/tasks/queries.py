"""The query parameters of the task list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from app.tasks.fields import MAX_TAGS, Priority, Tag, Time, Title
from app.tasks.paging import CURSOR_PATTERN, Cursor, Sort

DEFAULT_LIMIT, MAX_LIMIT = 100, 200
# White space and ASCII punctuation but the underscore.
_between_words = re.compile(r"[\s!-/:-@\[-^`{-~]+").split
_is_integer = re.compile(r"-?[0-9]{1,9}", re.ASCII).fullmatch
_is_cursor = re.compile(CURSOR_PATTERN).fullmatch


def _truth(value: Any) -> Any:
    if value not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value == "true"


def _integer(value: Any) -> Any:
    """Pydantic would also take `1.0`, `+1` and ` 1`."""
    if not _is_integer(value):
        raise ValueError("must be a whole number")
    return int(value)


def _cursor(value: Any) -> Any:
    if not _is_cursor(value):
        raise ValueError("is not a cursor")
    return Cursor.decode(value)


def _never_null(schema: dict[str, Any]) -> None:
    """A parameter is there or it is not: None is no value that it could have."""
    schema.update(schema.pop("anyOf")[0])


def _parameter(description: str) -> Any:
    return Field(description=description, json_schema_extra=_never_null)


class NoParameters(BaseModel):
    """For operations without parameters that would do harm if one were overlooked."""

    model_config = ConfigDict(extra="forbid")


class TaskFilter(BaseModel):
    """Which tasks: those for which all that is named holds."""

    model_config = ConfigDict(extra="forbid")

    completed: Annotated[
        Annotated[bool, BeforeValidator(_truth)] | None, _parameter("Only tasks that are (not) completed.")
    ] = None
    priority: Annotated[Priority | None, _parameter("Only tasks of this priority.")] = None
    tag: Annotated[
        list[Tag],
        Field(max_length=MAX_TAGS, description="Only tasks with this tag; repeated: with all of them."),
    ] = []
    due_after: Annotated[Time | None, _parameter("Only tasks due at this time or later.")] = None
    due_before: Annotated[Time | None, _parameter("Only tasks due before this time, not at it.")] = None
    q: Annotated[
        Title | None,
        _parameter(
            "Only tasks with all of these words in title, description or tags, whatever their order, case and"
            " accents. One of them at least has to be a whole word there, the others may be parts of words."
        ),
    ] = None

    @property
    def words(self) -> list[str]:
        """The words of `q`, each once: what MongoDB's text index would take as words too."""
        return sorted({word for word in _between_words(self.q or "") if word})

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Give what differs from the defaults, always in the same order."""
        if self.completed is not None:
            yield "completed", "true" if self.completed else "false"
        for name in ("due_after", "due_before"):
            time: datetime | None = getattr(self, name)
            if time is not None:
                yield name, time.isoformat().replace("+00:00", "Z")
        if self.priority is not None:
            yield "priority", self.priority
        if self.q is not None:
            yield "q", " ".join(self.words) or self.q
        for tag in sorted(set(self.tag)):
            yield "tag", tag


class TaskQuery(TaskFilter):
    """A page of a list: which tasks, in which order, from where, how many."""

    sort: Annotated[
        Sort,
        Field(
            description="`-` is descending. Tasks without the field come first, descending last;"
            " tasks that are equal in it are in the order of their ids."
        ),
    ] = "created_at"
    limit: Annotated[
        int,
        Field(ge=1, le=MAX_LIMIT, description="How many tasks a page has at most."),
        BeforeValidator(_integer),
    ] = DEFAULT_LIMIT
    cursor: Annotated[
        Annotated[
            InstanceOf[Cursor],
            BeforeValidator(_cursor),
            WithJsonSchema({"type": "string", "pattern": CURSOR_PATTERN}),
        ]
        | None,
        _parameter("Where the page begins: from the `Link` of the page before, with the same `sort`."),
    ] = None

    @field_validator("cursor")
    @classmethod
    def _of_the_same_sort(cls, cursor: Cursor | None, info: ValidationInfo) -> Cursor | None:
        if cursor is not None and info.data.get("sort", cursor.sort) != cursor.sort:
            raise ValueError(f"belongs to a list sorted by {cursor.sort}")
        return cursor

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield from super().parameters()
        if self.sort != "created_at":
            yield "sort", self.sort
        if self.limit != DEFAULT_LIMIT:
            yield "limit", str(self.limit)

    @cached_property
    def first_page(self) -> str:
        """The query string of the list's first page, the same for all ways to ask for it."""
        return urlencode(list(self.parameters()))

    @cached_property
    def this_page(self) -> str:
        """The query string of the page that is asked for."""
        return self.canonical(self.cursor.encode() if self.cursor else None)

    def canonical(self, cursor: str | None = None) -> str:
        """Return the query string of the page that begins there. A cursor has nothing to be encoded in it."""
        return "&".join(filter(None, (self.first_page, cursor and f"cursor={cursor}")))
