"""No route reads its body in another way than the rest."""

from __future__ import annotations

import contextlib
import json

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from app import docs
from app.auth.routes import router as auth
from app.common import health
from app.common.strict_json import StrictRoute, parse
from app.tasks.routes import router as tasks

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize("router", [auth, tasks, docs.router, health.router])
def test_every_route_is_strict(router: APIRouter) -> None:
    assert router.routes
    assert all(isinstance(route, StrictRoute) for route in router.routes)


@given(JSON)
def test_what_is_json_is_read_as_it_is(value: object) -> None:
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(HTTPException):
        parse(body)
