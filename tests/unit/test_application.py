"""The layers around every route, in an application made for the purpose."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import StreamingResponse

from app.common import application
from app.common.context import request_id
from app.common.mongo import StartupError
from app.common.problems import UnavailableError
from app.common.settings import CommonSettings

pytestmark = pytest.mark.anyio
router = APIRouter()


@router.get("/bug")
async def bug() -> None:
    raise RuntimeError("the inner secrets of the house")


@router.get("/down")
async def down() -> None:
    raise UnavailableError("MongoDB")


@router.get("/half")
async def half() -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("no more")

    return StreamingResponse(chunks())


@router.post("/length")
async def length(body: dict[str, str]) -> int:
    return len(body)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = application.build("test", CommonSettings(port=4711), [router], [])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


async def test_what_nobody_caught_is_a_plain_500_and_a_full_log_line(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await client.get("/bug", headers={"X-Request-ID": "abc"})
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == "abc"
    assert answer.headers["X-Served-By"].endswith(":4711")
    assert answer.json()["detail"] == "the service made a mistake"
    assert "secrets" not in answer.text
    assert "the inner secrets of the house" in caplog.text
    assert [
        record.__dict__["fields"]["status"] for record in caplog.records if "fields" in record.__dict__
    ] == [500]


async def test_a_dependency_that_is_away_is_a_503_that_names_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/down")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "MongoDB does not answer at the moment",
        "instance": "/down",
        "request_id": answer.headers["X-Request-ID"],
    }


async def test_an_answer_that_breaks_half_way_is_not_finished_as_if_it_were_whole(
    client: httpx.AsyncClient,
) -> None:
    app = client._transport.app  # type: ignore[attr-defined] # httpx keeps it to itself
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as strict:
        with pytest.raises(RuntimeError):
            await strict.get("/half")


async def test_a_body_of_exactly_the_limit_is_taken_and_one_more_byte_is_not(
    client: httpx.AsyncClient,
) -> None:
    empty = len(json.dumps({"a": ""}))
    for extra, status in ((0, 200), (1, 413)):
        body = json.dumps({"a": "x" * (application.MAX_BODY_BYTES - empty + extra)})
        answer = await client.post("/length", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status


async def test_a_length_that_is_a_lie_does_not_help(client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "10"}
    answer = await client.post("/length", content=b" " * (application.MAX_BODY_BYTES + 1), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("given", "kept"),
    [(b"a", True), (b"A-z_0.9", True), (b"x" * 64, True), (b"", False), (b"x" * 65, False), (b"a\n", False)],
)
async def test_a_request_id_is_kept_if_it_is_harmless(given: bytes, kept: bool) -> None:
    identity = request_id(given)
    assert (identity == given.decode()) is kept
    assert len(identity) in {len(given), 32}


async def test_a_start_that_fails_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def unlucky(_: FastAPI) -> AsyncIterator[None]:
        raise StartupError("MongoDB did not answer")
        yield

    app = application.build("test", CommonSettings(port=4711), [], [unlucky])
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "lifespan.startup"}

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert sent == [{"type": "lifespan.startup.failed", "message": ""}]
    assert [record.getMessage() for record in caplog.records] == ["MongoDB did not answer"]
