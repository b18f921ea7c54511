"""How tasks look from outside: JSON, addresses and entity tags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.common.etags import Condition
from app.common.mongo import Document
from app.common.version import version
from app.tasks.entry import Entry
from app.tasks.fields import PRIORITIES
from app.tasks.models import Task
from app.tasks.paging import Cursor
from app.tasks.queries import TaskQuery

# For more, hashlib lets other threads run meanwhile (https://docs.python.org/3/library/hashlib.html), and
# whoever makes the list then waits longer for the interpreter than it takes.
_AT_ONCE = 2047


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON body and the headers that belong to it."""

    body: bytes
    headers: dict[str, str]


class Representation:
    def __init__(self, public_url: str) -> None:
        self._list = f"{public_url}/tasks"
        # A task's tag is its revision and the shape of the answer, since the same revision has other bytes at
        # another address or in another release. It is strong: equal tags mean equal bytes.
        shape = _digest(public_url.encode(), version().encode(), *map(str.encode, Task.model_fields))[:8]
        self._etag = f'"%d.{shape}"'
        self._revision = re.compile(rf'"([1-9][0-9]{{0,17}})\.{shape}"').fullmatch

    def answer(self, document: Document) -> Answer:
        return Answer(to_json(self._task(document)), {"ETag": self._etag % document["revision"]})

    def created(self, document: Document) -> Answer:
        answer = self.answer(document)
        return Answer(answer.body, {"Location": self._address(document["_id"]), **answer.headers})

    def all_created(self, documents: Sequence[Document]) -> Answer:
        return Answer(to_json([self._task(document) for document in documents]), {})

    def revisions(self, condition: Condition | None) -> frozenset[int] | None:
        """Return the revisions that If-Match lets pass; None: every one."""
        if condition is None or condition.any_tag:
            return None
        found = (self._revision(tag) for tag in condition.tags)
        return frozenset(int(each.group(1)) for each in found if each)

    def page(self, query: TaskQuery, documents: Sequence[Document], total: int) -> Entry:
        """Make a page of tasks out of one document more than it has, if the list goes on."""
        tasks = documents[: query.limit]
        goes_on = len(documents) > query.limit
        cursor = Cursor.behind(tasks[-1], query.sort).encode() if goes_on else ""
        body = to_json([self._task(document) for document in tasks])
        etag = f'"{_digest(body, str(total).encode(), cursor.encode())}"'
        return Entry.of(total, etag.encode(), self._links(query, cursor).encode(), body)

    def _links(self, query: TaskQuery, next_cursor: str) -> str:
        """Say where the list begins, and where it goes on."""
        links = [f'<{self._page(query, None)}>; rel="first"']
        if next_cursor:
            links.append(f'<{self._page(query, next_cursor)}>; rel="next"')
        return ", ".join(links)

    def _address(self, identity: object) -> str:
        return f"{self._list}/{identity}"

    def _task(self, document: Document) -> dict[str, Any]:
        """One literal: a long list makes hundreds of them."""
        identity = str(document["_id"])
        return {
            "id": identity,
            "url": self._address(identity),
            "title": document["title"],
            "description": document["description"],
            "completed": document["completed"],
            "order": document["order"],
            "due_at": document["due_at"],
            "priority": PRIORITIES[document["priority"]],
            "tags": document["tags"],
            "created_at": document["created_at"],
            "updated_at": document["updated_at"],
        }

    def _page(self, query: TaskQuery, cursor: str | None) -> str:
        parameters = query.canonical(cursor)
        return f"{self._list}?{parameters}" if parameters else self._list


def to_json(value: Any) -> bytes:
    """Times end in Z. orjson instead of the framework's encoder: 50 times cheaper for a list."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def to_fields(given: dict[str, Any]) -> dict[str, Any]:
    """Turn what a client sent, checked, into what a document holds."""
    if "priority" in given:
        return {**given, "priority": PRIORITIES.index(given["priority"])}
    return given


def _digest(*parts: bytes) -> str:
    """Digest the parts, told apart by their lengths."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(b"%d:" % len(part))
        for start in range(0, len(part), _AT_ONCE):
            digest.update(memoryview(part)[start : start + _AT_ONCE])
    return digest.hexdigest()
