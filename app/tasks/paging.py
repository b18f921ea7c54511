"""Orders of a list, and cursors: where a page begins is a position in the order, never a count of tasks.

So a page neither repeats nor leaves out a task because others came or went (keyset paging).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self, get_args

import orjson
from bson import ObjectId

from app.common.mongo import Document
from app.tasks.fields import MAX_ORDER, PRIORITIES

Sort = Literal[
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
    "due_at",
    "-due_at",
    "priority",
    "-priority",
    "order",
    "-order",
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
# What a cursor's number may be, in the fields that are no times.
_NUMBERS = {"priority": (0, len(PRIORITIES) - 1), "order": (-MAX_ORDER, MAX_ORDER)}
_MAY_BE_NULL = {"due_at", "order"}
_ID = re.compile(r"[0-9a-f]{24}")
CURSOR_PATTERN = "^[A-Za-z0-9_-]{1,200}$"


def field_and_direction(sort: str) -> tuple[str, int]:
    """Return what MongoDB sorts by: ("due_at", -1) for "-due_at"."""
    return (sort[1:], -1) if sort.startswith("-") else (sort, 1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place right behind one task: its value of the field that the list is sorted by, and its id.

    `value` is what MongoDB holds: a time, a number or, of due_at and order, None.
    """

    sort: Sort
    value: datetime | int | None
    id: ObjectId

    @classmethod
    def behind(cls, document: Document, sort: Sort) -> Self:
        return cls(sort, document[field_and_direction(sort)[0]], document["_id"])

    def encode(self) -> str:
        value = self.value
        number = (value - _EPOCH) // _MILLISECOND if isinstance(value, datetime) else value
        return base64.urlsafe_b64encode(orjson.dumps([self.sort, number, str(self.id)])).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Raises ValueError for everything that no `encode` can have made."""
        try:
            content = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            sort, number, identity = content
        except (ValueError, TypeError):
            raise _invalid() from None
        if sort not in get_args(Sort) or not isinstance(identity, str) or not _ID.fullmatch(identity):
            raise _invalid()
        return cls(sort, _value(field_and_direction(sort)[0], number), ObjectId(identity))


def _value(field: str, number: Any) -> datetime | int | None:
    if number is None and field in _MAY_BE_NULL:
        return None
    least, most = _NUMBERS.get(field, (_FIRST_MS, _LAST_MS))
    if type(number) is not int or not least <= number <= most:
        raise _invalid()
    return number if field in _NUMBERS else _EPOCH + number * _MILLISECOND


def _invalid() -> ValueError:
    return ValueError("is not the cursor of a page that was answered here")
