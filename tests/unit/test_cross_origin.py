"""CORS: what a page of another origin may do, and see, in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter

from app.common import application
from app.common.settings import CommonSettings
from app.common.strict_json import StrictRoute

pytestmark = pytest.mark.anyio
OURS, OTHER = "https://tasks.example.org", "https://example.org"
router = APIRouter(route_class=StrictRoute)


@router.get("/fine")
async def fine() -> str:
    return "fine"


@router.post("/bug")
async def bug() -> None:
    raise RuntimeError


async def opened(*origins: str) -> AsyncIterator[httpx.AsyncClient]:
    app = application.build("test", CommonSettings(port=4711, cors_origins=origins), [router], [])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async for each in opened(OURS):
        yield each


@pytest.fixture
async def closed() -> AsyncIterator[httpx.AsyncClient]:
    async for each in opened():
        yield each


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, if-match",
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE"])
async def test_a_page_of_ours_may_send_every_request_of_the_api(
    client: httpx.AsyncClient, method: str
) -> None:
    answer = await client.options("/bug", headers=preflight(OURS, method))
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_another_page_may_not(client: httpx.AsyncClient) -> None:
    answer = await client.options("/bug", headers=preflight(OTHER))
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"] == "Disallowed CORS origin"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Access-Control-Allow-Origin" not in (await client.get("/fine", headers={"Origin": OTHER})).headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/fine", 200),
        ("HEAD", "/fine", 200),
        ("GET", "/nothing", 404),
        ("PUT", "/fine", 405),
        ("POST", "/bug", 500),
    ],
)
async def test_a_page_of_ours_sees_every_answer_and_its_headers(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path, headers={"Origin": OURS})
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert answer.headers["Vary"] == "Origin"
    assert {"ETag", "Retry-After", "X-Request-ID", "X-Total-Count"} <= set(
        answer.headers["Access-Control-Expose-Headers"].split(", ")
    )


async def test_a_large_body_is_refused_so_that_the_page_can_see_it(client: httpx.AsyncClient) -> None:
    body = b" " * (application.MAX_BODY_BYTES + 1)
    answer = await client.post("/bug", content=body, headers={"Origin": OURS})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (413, OURS)


async def test_without_the_setting_no_page_is_let_in(closed: httpx.AsyncClient) -> None:
    answer = await closed.options("/fine", headers=preflight(OURS))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "Access-Control-Allow-Origin" not in (await closed.get("/fine", headers={"Origin": OURS})).headers
