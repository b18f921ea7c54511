"""Query strings as models: the framework would read them field by field, again for each request."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)
_REMEMBERED, _LONGEST = 1024, 4096


class QueryString(Generic[ModelT]):
    """A dependency: the parameters of a request as a `kind`."""

    def __init__(self, kind: type[ModelT]) -> None:
        self._kind = kind
        self._lists = {name for name, field in kind.model_fields.items() if _is_list(field.annotation)}
        self._remembered = lru_cache(_REMEMBERED)(self._parse)

    async def __call__(self, request: Request) -> ModelT:
        return self.read(request.scope["query_string"])

    def read(self, query_string: bytes) -> ModelT:
        """Return a `kind`, which is shared and must not be changed.

        Parameters that are no list may be given once. Raises a RequestValidationError.
        """
        return (self._remembered if len(query_string) <= _LONGEST else self._parse)(query_string)

    def description(self) -> dict[str, Any]:
        """Return what the route's OpenAPI description has to have besides (`openapi_extra`)."""
        properties = self._kind.model_json_schema()["properties"]
        return {
            "parameters": [
                {
                    "name": name,
                    "in": "query",
                    "required": False,
                    "description": schema.pop("description", ""),
                    "schema": schema,
                }
                for name, schema in properties.items()
            ]
        }

    def _parse(self, query_string: bytes) -> ModelT:
        given: dict[str, list[str]] = {}
        for name, value in _pairs(query_string):
            given.setdefault(name, []).append(value)
        repeated = [name for name, values in given.items() if len(values) > 1 and name not in self._lists]
        if repeated:
            raise RequestValidationError(
                [
                    {"type": "repeated", "loc": ("query", name), "msg": "must be given once"}
                    for name in repeated
                ]
            )
        values = {name: values if name in self._lists else values[0] for name, values in given.items()}
        try:
            return self._kind.model_validate(values)
        except ValidationError as error:
            raise RequestValidationError(
                [{**item, "loc": ("query", *item["loc"])} for item in error.errors()]
            ) from None


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query_string.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        problem = {"type": "encoding", "loc": ("query",), "msg": "must be UTF-8"}
        raise RequestValidationError([problem]) from None


def _is_list(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", annotation) is list
