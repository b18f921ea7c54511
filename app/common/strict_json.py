"""Requests are what they say they are, and mean one thing (RFC 8259, RFC 7493), or they are refused.

Python's own reader is lenient: of two members with one name the last wins, NaN is a number, UTF-16 is text.
Another reader on the way may see another request in such a body than the service does.
"""

from __future__ import annotations

import email.message
import json
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NoReturn

from fastapi import params
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from app.common.problems import bounded

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# In a whole body; 500 tasks have a third of that. Each that is not known is a mistake that is put down, which
# takes much longer than to send it.
_MOST_MEMBERS = 10_000
# Where a client learns which media types would do (RFC 5789, 3.1; Linked Data Platform, 7.1; otherwise
# RFC 9110, 12.5.1).
_HINTS = {"PATCH": "Accept-Patch", "POST": "Accept-Post"}


class StrictRoute(APIRoute):
    """The route class of every router: `APIRouter(route_class=StrictRoute)`."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["path"].endswith("\n"):  # in the framework's patterns `$` is also before a last line end
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler
        form = isinstance(self.body_field.field_info, params.Form)

        async def handle(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            await _check_type(strict, FORM if form else JSON)
            if form:
                _check_names(name for name, _ in (await strict.form()).multi_items())
            return await handler(strict)

        return handle


class StrictRequest(Request):
    """A request whose JSON is read strictly. Raises HTTPException: the framework hides every other reason."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


def parse(body: bytes) -> Any:
    """Read JSON. Raises HTTPException (400) that says what is wrong with it."""
    left = _MOST_MEMBERS

    def build(members: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal left
        left -= len(members)
        if left < 0:
            raise HTTPException(400, f"the body has more than {_MOST_MEMBERS} members")
        return _object(members)

    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=build, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        _refuse("it is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(f"{error.msg} (line {error.lineno}, column {error.colno})")
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError:  # Python's limit for the digits of an integer
        _refuse("a number has too many digits")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        _check_names(name for name, _ in members)
    return found


def _check_names(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise HTTPException(400, f'the body has "{bounded(name)}" twice')
        seen.add(name)


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not a number")


def _refuse(reason: str) -> NoReturn:
    raise HTTPException(400, f"the body is not valid JSON: {reason}") from None


async def _check_type(request: StrictRequest, expected: str) -> None:
    """Raise 415 for content that is not called what the route reads. No content needs no type."""
    if any(coding.lower() != "identity" for coding in request.headers.getlist("content-encoding")):
        raise HTTPException(415, "the body must not be compressed", {"Accept-Encoding": "identity"})
    given = request.headers.get("content-type")
    if _is(given, expected) or not (given or await request.body()):
        return
    accepted = f"{JSON}, application/merge-patch+json" if request.method == "PATCH" else expected
    raise HTTPException(415, f"the body must be {expected}", {_HINTS.get(request.method, "Accept"): accepted})


def _is(given: str | None, expected: str) -> bool:
    if given is None:
        return False
    message = email.message.Message()
    message["content-type"] = given
    found = message.get_content_type()
    named = expected == JSON and found.startswith("application/") and found.endswith("+json")
    return named or found == expected
