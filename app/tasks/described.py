"""What the API's description says about the task routes beyond their types: headers, errors, examples."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastapi import Header
from pydantic import WithJsonSchema

from app.common.etags import CONDITION_SCHEMA
from app.common.problems import refusal
from app.tasks.idempotency import KEY_PATTERN
from app.tasks.models import EXAMPLE_ID

Responses = dict[int | str, dict[str, Any]]
# FastAPI gives all lines of a header to a sequence alone; what clients send is one text. A default would be
# in the description as an empty list, where a text is meant.
_CONDITION = WithJsonSchema(CONDITION_SCHEMA)
_KEY = WithJsonSchema(
    {"type": "string", "pattern": KEY_PATTERN, "examples": ["8e03978e-40d5-43dd-bc93-6894a57f9324"]}
)


def _nothing() -> tuple[str, ...]:
    """Stand for a header that was not sent.

    pydantic looks at each request whether what makes a default takes arguments. With a class, `tuple`, that
    takes long, and with a signature that is there already next to nothing.
    """
    return ()


_nothing.__signature__ = inspect.signature(_nothing)  # type: ignore[attr-defined] # PEP 362

IfMatch = Annotated[
    tuple[str, ...],
    _CONDITION,
    Header(
        alias="If-Match",
        default_factory=_nothing,
        description="Only if the task still has this entity tag.",
    ),
]
IfNoneMatch = Annotated[
    tuple[str, ...],
    _CONDITION,
    Header(
        alias="If-None-Match",
        default_factory=_nothing,
        description="What the client has: 304 if it is still that.",
    ),
]
IdempotencyKey = Annotated[
    tuple[str, ...],
    _KEY,
    Header(
        alias="Idempotency-Key",
        default_factory=_nothing,
        description="Sent again within 24 hours, it gets the same answer again.",
    ),
]

_ETAG = {
    "ETag": {"description": "The entity tag, for If-Match and If-None-Match.", "schema": {"type": "string"}}
}
_CACHED = {**_ETAG, "Cache-Control": {"description": "private, no-cache", "schema": {"type": "string"}}}
_PAGE = {
    **_CACHED,
    "Link": {
        "description": 'Where the list begins (`rel="first"`) and where it goes on (`rel="next"`): RFC 8288.',
        "schema": {"type": "string"},
    },
    "X-Total-Count": {
        "description": "How many tasks the query finds, on all pages.",
        "schema": {"type": "integer"},
    },
    "X-Cache": {
        "description": "HIT: from Redis. MISS: from MongoDB. BYPASS: from MongoDB, Redis being away.",
        "schema": {"type": "string", "enum": ["HIT", "MISS", "BYPASS"]},
    },
}
_REPLAYED = {
    "Idempotency-Replayed": {
        "description": "There if this answer was given before, and nothing was done now.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_LOCATION = {
    "Location": {"description": "The task's address.", "schema": {"type": "string", "format": "uri"}}
}
_UNCHANGED = "What the client has is still right."


_TASK = f"/tasks/{EXAMPLE_ID}"
NOT_FOUND = refusal(404, "there is no such task", _TASK)
_CHANGED = refusal(412, "the task has been changed since: read it again, then decide", _TASK)
_FULL = refusal(409, "nobody may have more than 10000 tasks: delete some first", "/tasks")

LIST: Responses = {200: {"headers": _PAGE}, 304: {"description": _UNCHANGED, "headers": _PAGE}}
GET: Responses = {
    200: {"headers": _CACHED},
    304: {"description": _UNCHANGED, "headers": _CACHED},
    **NOT_FOUND,
}
CREATE: Responses = {201: {"headers": {**_LOCATION, **_ETAG, **_REPLAYED}}, **_FULL}
CREATE_ALL: Responses = {201: {"headers": _REPLAYED}, **_FULL}
UPDATE: Responses = {200: {"headers": _ETAG}, **NOT_FOUND, **_CHANGED}
DELETE: Responses = {**NOT_FOUND, **_CHANGED}
