"""The values that the task service accepts. What is checked is in the JSON schema too, from one source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

# What every JSON reader can hold exactly (RFC 8259, 6), and far inside MongoDB's 64 bits.
MAX_ORDER = 2**53 - 1
MAX_TAGS = 20


@dataclass(frozen=True, slots=True)
class Matches:
    """A text that matches all of a regular expression, with a complaint that a person understands."""

    pattern: str
    complaint: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_matcher(self), handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}


def _matcher(rule: Matches) -> Callable[[str], str]:
    matches = re.compile(rule.pattern).fullmatch

    def check(value: str) -> str:
        if not matches(value):
            raise ValueError(rule.complaint)
        return value

    return check


_ONE_LINE = r"[^\x00-\x1f\x7f-\x9f]*"
_NOT_BLANK = Matches(
    rf"^{_ONE_LINE}[^\s\x00-\x1f\x7f-\x9f]{_ONE_LINE}$", "must have text, and no control characters"
)
_TEXT = Matches(
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
    "must not have control characters other than tabs and line ends",
)
# RFC 3339, with the days that there are: years that 4 divides, centuries only if 400 does.
_DAY = (
    r"(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_RFC3339 = (
    rf"^(?!0000){_DAY}[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{{1,9}})?"
    r"(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$"
)
_is_rfc3339 = re.compile(_RFC3339, re.ASCII).fullmatch


def _rfc3339(value: Any) -> Any:
    """Pydantic would also take numbers and half dates."""
    if not isinstance(value, str) or not _is_rfc3339(value):
        raise ValueError("must be a date and time with an offset, such as 2026-03-01T09:30:00Z")
    return value


def _whole(value: Any) -> Any:
    """In JSON 1.0 is the same number as 1, and an integer by JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _utc(value: datetime) -> datetime:
    """Bring a time to what MongoDB can keep: UTC, milliseconds."""
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999") from None
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _NOT_BLANK]
Description = Annotated[str, StringConstraints(max_length=10_000), _TEXT]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), _NOT_BLANK]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
Order = Annotated[StrictInt, Field(ge=-MAX_ORDER, le=MAX_ORDER), BeforeValidator(_whole)]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_rfc3339),
    AfterValidator(_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _RFC3339}),
]
Priority = Literal["low", "normal", "high"]
# Stored as numbers, so that they sort by importance.
PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high")
