"""How the cache talks to Redis: in time, in step, and to whom it thinks it does."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from app.tasks.cache_connection import RedisLink, Session
from tools.local_redis import LocalRedis

pytestmark = pytest.mark.anyio


async def test_the_run_is_that_of_the_server(server: LocalRedis) -> None:
    link = RedisLink(SecretStr(server.url("tasks")), 5)

    async def run(session: Session) -> str:
        return session.run

    first = await link.talk(run)
    await link.close()
    other = RedisLink(SecretStr(server.url("tasks")), 5)
    assert await other.talk(run) == first
    assert len(first) == 16
    await other.close()
