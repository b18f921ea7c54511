"""How a route learns who asks: from the token in the request's header, by the application's verifier."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from app.common.problems import ProblemError
from app.common.tokens import CurrentIdentity, CurrentUserId, Identity, InvalidTokenError


class Verifier:
    def identity(self, token: bytes) -> Identity:
        if token != b"good":
            raise InvalidTokenError
        return Identity("anna", "session", math.inf)


pytestmark = pytest.mark.anyio


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.verifier = Verifier()

    @app.get("/identity")
    async def identity(who: CurrentIdentity) -> list[str]:
        return [who.user_id, who.session_id]

    @app.get("/user")
    async def user(user_id: CurrentUserId) -> str:
        return user_id

    @app.exception_handler(ProblemError)
    async def problem(_: Request, error: ProblemError) -> JSONResponse:
        return JSONResponse(error.detail, error.status, error.headers)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened:
        yield opened


async def test_a_route_gets_who_the_token_is_for(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer good"}
    assert (await client.get("/identity", headers=headers)).json() == ["anna", "session"]
    assert (await client.get("/user", headers=headers)).json() == "anna"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic good", "Bearer bad", "good"])
async def test_without_a_good_token_no_route_begins(client: httpx.AsyncClient, header: str | None) -> None:
    for path in ("/identity", "/user"):
        answer = await client.get(path, headers={} if header is None else {"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_of_two_tokens_none_is_believed(client: httpx.AsyncClient) -> None:
    for second in ("Bearer good", "Bearer bad", ""):
        headers = [("Authorization", "Bearer good"), ("authorization", second)]
        assert (await client.get("/identity", headers=headers)).status_code == 401
