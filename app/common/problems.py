"""Errors are problem documents (RFC 9457, application/problem+json), whoever raised them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from app.common import logs

MEDIA_TYPE = "application/problem+json"
_JSON_INVALID = "json_invalid"
_MAX_ERRORS = 50


class ProblemError(Exception):
    """An error that knows its status, what to tell the client, and the headers that go with it."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class UnavailableError(ProblemError):
    """Something this service needs does not answer: 503, and when to come back."""

    def __init__(self, dependency: str) -> None:
        super().__init__(503, f"{dependency} does not answer at the moment", {"Retry-After": "2"})


class FieldProblem(BaseModel):
    pointer: str
    detail: str


class Problem(BaseModel):
    """The shape of every error, for the API's own documentation."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None = None
    errors: list[FieldProblem] | None = None


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare the errors of a route in its OpenAPI description."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def problem_response(
    status: int,
    detail: str,
    instance: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[dict[str, str]] = (),
) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": _text(instance),
        "request_id": logs.request_id.get(),
    }
    if errors:
        body["errors"] = list(errors)
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error with a problem document, and describe its shape in the OpenAPI document."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = schema.pop("$defs")
        document.setdefault("components", {}).setdefault("schemas", {}).update({"Problem": schema, **parts})
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to extend it
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - for the type checker
    return problem_response(error.status, error.detail, request.url.path, error.headers)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    items = error.errors()
    if items and items[0]["type"] == _JSON_INVALID:
        return problem_response(400, "the body is not valid JSON", request.url.path)
    errors = [
        {"pointer": _pointer(item["loc"]), "detail": _text(item["msg"])} for item in items[:_MAX_ERRORS]
    ]
    return problem_response(422, "the request is not valid", request.url.path, errors=errors)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    headers = dict(error.headers or {})
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "there is nothing here"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
        detail = f"{_text(request.method)} is not allowed here"
    return problem_response(error.status_code, str(detail), request.url.path, headers)


def _methods(request: Request) -> set[str]:
    """Return every method that this path answers (one route a method: the framework names only the first)."""
    allowed: set[str] = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        routes: Iterable[BaseRoute] = request.app.router.routes
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes):
            allowed.add(method)
    return allowed


def _pointer(location: Iterable[Any]) -> str:
    """Turn pydantic's location into a JSON pointer (RFC 6901) into the request: `/body/tags/0`."""
    return "".join("/" + _text(str(part)).replace("~", "~0").replace("/", "~1") for part in location)


def _text(value: str) -> str:
    """Bound a piece of the client's own text, and drop what UTF-8 cannot carry."""
    return value[:300].encode("utf-8", "replace").decode("utf-8")
