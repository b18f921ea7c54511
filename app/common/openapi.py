"""The API's own description (OpenAPI 3.1). What every route has in common is said here, once.

Routes name what is special to them (`responses(404)`); the errors of the layers around them are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.common.problems import Problem, responses

_DESCRIPTION = """\
To-do lists for many. Sign in at `/auth`, keep your tasks at `/tasks`.

Errors are problem documents (RFC 9457). Times are RFC 3339, in UTC. JSON has to be UTF-8, each name once.
`HEAD` is answered wherever `GET` is.
"""
_TAGS = {
    "auth": "Accounts and access tokens.",
    "tasks": "The caller's own to-do list. Nobody reaches another's tasks.",
    "health": "For load balancers and monitoring. The gateway does not pass these on.",
}
_HEADERS: dict[str, tuple[str, str]] = {
    "Allow": ("The methods that this path has.", "GET, HEAD, POST"),
    "Retry-After": ("Seconds after which to try again.", "2"),
    "Server-Timing": ("Where the time went, in milliseconds.", "db;dur=1.87, app;dur=2.60"),
    "WWW-Authenticate": ("How to authenticate (RFC 6750).", 'Bearer error="invalid_token"'),
    "X-Request-ID": (
        "The request's name in all logs; a client may choose it (`[A-Za-z0-9._-]{1,64}`).",
        "a1",
    ),
    "X-Served-By": ("The instance that answered.", "app1:8002"),
}
_EVERYWHERE = ("Server-Timing", "X-Request-ID", "X-Served-By")
_WITH_STATUS = {
    "401": ("WWW-Authenticate",),
    "405": ("Allow",),
    "429": ("Retry-After",),
    "502": ("Retry-After",),
    "503": ("Retry-After",),
    "504": ("Retry-After",),
}


def _operation_id(route: APIRoute) -> str:
    """Name operations after their functions, so that generated clients get `list_tasks`."""
    return route.name


# For every FastAPI application. Addresses are those of the document itself.
OPTIONS: dict[str, Any] = {
    "description": _DESCRIPTION,
    "license_info": {"name": "MIT", "identifier": "MIT"},
    "servers": [{"url": "/"}],
    "generate_unique_id_function": _operation_id,
    # Takes the place of the framework's own 422, which has another schema.
    "responses": responses(422),
}


def install(app: FastAPI) -> None:
    """Complete the document that the framework makes."""
    described = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = complete(described())
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's own way to extend it


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to each operation what the layers around it answer, and to each answer the common headers."""
    tags: set[str] = set()
    for operation in _operations(document):
        tags.update(operation.get("tags", ()))
        answers = operation["responses"]
        _add_errors(operation, answers)
        for status, answer in answers.items():
            for name in (*_EVERYWHERE, *_WITH_STATUS.get(status, ())):
                answer.setdefault("headers", {})[name] = {"$ref": f"#/components/headers/{name}"}
        operation["responses"] = dict(sorted(answers.items()))
    document["tags"] = [{"name": tag, "description": text} for tag, text in _TAGS.items() if tag in tags]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({**problem.pop("$defs"), "Problem": problem})
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}, "example": example}
        for name, (text, example) in _HEADERS.items()
    }
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document.get("paths", {}).values():
        yield from path.values()


def _add_errors(operation: dict[str, Any], answers: dict[str, Any]) -> None:
    common = [400, 405, 429, 502, 503, 504]
    if "requestBody" in operation:
        common += [413, 415]
    elif "parameters" not in operation:
        answers.pop("422")  # there is nothing to be wrong
    for status, answer in responses(*common).items():
        answers.setdefault(str(status), answer)
