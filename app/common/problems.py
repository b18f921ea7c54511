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
_MAX_ERRORS = 50
# What a route may answer; HEAD is answered wherever GET is.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


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
    """The shape of every error (RFC 9457). `errors` points at what is wrong in the request (RFC 6901)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None  # the path; the gateway's own answers do not repeat it
    request_id: str | None = None
    errors: list[FieldProblem] | None = None


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare the errors of a route in its OpenAPI description."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": _example(HTTPStatus(status)),
                }
            },
        }
        for status in statuses
    }


def refusal(status: int, detail: str, instance: str) -> dict[int | str, dict[str, Any]]:
    """Declare an error of a route by what it says."""
    described = responses(status)
    described[status]["content"][MEDIA_TYPE]["example"] |= {"detail": detail, "instance": instance}
    return described


def _example(status: HTTPStatus) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": status.description or status.phrase,
        "request_id": "6f1ed002ab5595859014ebf0951522d9",
    }
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        example["errors"] = [{"pointer": "/body/title", "detail": "Field required"}]
    return example


def problem_response(
    status: int,
    detail: str,
    instance: str | None,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[dict[str, str]] = (),
) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": logs.request_id.get(),
    }
    if instance is not None:
        body["instance"] = bounded(instance)
    if errors:
        body["errors"] = list(errors)
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error with a problem document."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - for the type checker
    return problem_response(error.status, error.detail, request.url.path, error.headers)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    errors = [
        {"pointer": _pointer(item["loc"]), "detail": bounded(item["msg"].removeprefix("Value error, "))}
        for item in error.errors()[:_MAX_ERRORS]
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
        detail = f"{bounded(request.method)} is not allowed here"
    return problem_response(error.status_code, str(detail), request.url.path, headers)


def _methods(request: Request) -> set[str]:
    """Return every method that this path answers (one route a method: the framework names only the first)."""
    allowed: set[str] = set()
    routes: Iterable[BaseRoute] = request.app.router.routes
    for method in METHODS:
        seen_as = "GET" if method == "HEAD" else method
        if any(route.matches({**request.scope, "method": seen_as})[0] is Match.FULL for route in routes):
            allowed.add(method)
    return allowed


def _pointer(location: Iterable[Any]) -> str:
    """Turn pydantic's location into a JSON pointer (RFC 6901) into the request: `/body/tags/0`."""
    return "".join("/" + bounded(str(part)).replace("~", "~0").replace("/", "~1") for part in location)


def bounded(value: str) -> str:
    """Bound a piece of the client's own text, and drop what UTF-8 cannot carry."""
    return value[:300].encode("utf-8", "replace").decode("utf-8")
