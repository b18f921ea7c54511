"""How the cache talks to Redis: in time, in step, and past a breaker when there is nobody to talk to."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator
from operator import methodcaller

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import ResponseError

from app.common import timing
from app.tasks.cache_connection import WRITERS_PATIENCE, CacheDownError, RedisLink, Script, Session
from tests.api.caches import come_true, connections, instance
from tools.local_redis import LocalRedis
from tools.local_stack import free_ports

pytestmark = pytest.mark.anyio


@pytest.fixture
async def nobody(server: LocalRedis) -> AsyncIterator[RedisLink]:
    """A link to a port where nobody listens."""
    opened = RedisLink(SecretStr(server.url("tasks", free_ports(1)[0])), 5)
    yield opened
    await opened.close()


async def ping(session: Session) -> bytes:
    answer: bytes = await session.command("PING")
    return answer


async def late_answer(session: Session) -> None:
    """Ask, and go away before the answer comes."""
    await session.connection.send_command("PING", "an answer to somebody else")
    raise TimeoutError


async def connection_of(session: Session) -> object:
    await ping(session)
    return session.connection


async def test_a_script_that_redis_does_not_know_is_told_once_and_then_called_by_its_digest(
    server: LocalRedis, link: RedisLink, user: str
) -> None:
    script = Script(f"-- {secrets.token_hex(8)}\nreturn {{KEYS[1], ARGV[1], ARGV[2]}}")
    key, loads = f"tasks:{{{user}}}:lists", []
    with Redis.from_url(server.url("admin")) as admin:
        assert admin.script_exists(script.sha) == [False]
        for word in ("told", "known"):
            answer = await link.talk(methodcaller("script", script, [key], word, 1))
            assert answer == [key.encode(), word.encode(), b"1"]
            assert admin.script_exists(script.sha) == [True]
            loads.append(admin.info("commandstats")["cmdstat_script|load"]["calls"])
    assert loads[0] == loads[1]


async def test_an_error_is_an_answer_after_which_the_connection_is_used_again(link: RedisLink) -> None:
    first = await link.talk(connection_of)
    with pytest.raises(CacheDownError) as refused:
        await link.talk(lambda session: session.command("FLUSHALL"))
    assert isinstance(refused.value.__cause__, ResponseError)
    assert await link.talk(connection_of) is first


async def test_an_answer_that_comes_too_late_is_nobodys(link: RedisLink) -> None:
    first = await link.talk(connection_of)
    with pytest.raises(CacheDownError):
        await link.talk(late_answer)
    assert await link.talk(ping) == b"PONG"
    assert await link.talk(connection_of) is first  # connected anew


async def test_who_fails_gives_its_connection_back(link: RedisLink) -> None:
    for _ in range(60):  # more than there are
        with pytest.raises(CacheDownError):
            await link.talk(late_answer)
    assert await link.talk(ping) == b"PONG"


async def test_a_conversation_that_takes_too_long_is_ended(server: LocalRedis) -> None:
    link = RedisLink(SecretStr(server.url("tasks")), 0.2)
    async with asyncio.timeout(30):
        with pytest.raises(CacheDownError) as ended:
            await link.talk(lambda _: asyncio.sleep(3600))
    assert isinstance(ended.value.__cause__, TimeoutError)
    await link.close()


@pytest.mark.parametrize("patience", [1, WRITERS_PATIENCE])
async def test_who_is_patient_waits_for_as_long_as_that(server: LocalRedis, patience: int) -> None:
    timeout = 0.1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        link = RedisLink(SecretStr(server.url("tasks", port)), timeout)
        began = time.monotonic()
        with pytest.raises(CacheDownError):
            await link.talk(ping, patience)
        assert time.monotonic() - began >= timeout * patience
        await link.close()


async def test_a_caller_that_goes_away_leaves_a_usable_connection(link: RedisLink) -> None:
    asked = asyncio.Event()

    async def wait(session: Session) -> None:
        await session.connection.send_command("PING", "an answer to somebody else")
        asked.set()
        await asyncio.sleep(3600)

    caller = asyncio.create_task(link.talk(wait))
    await asked.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await link.talk(ping) == b"PONG"


async def test_after_three_failures_nobody_asks_until_redis_answered(
    nobody: RedisLink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for allowed in (True, True, True, False):
        assert nobody.allows() is allowed
        with pytest.raises(CacheDownError):
            await nobody.talk(ping)
    (said,) = [record.message for record in caplog.records if record.name == "app.tasks.breaker"]
    assert "Connect call failed" in said


async def test_a_failure_without_words_is_called_too_slow(
    link: RedisLink, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with pytest.raises(CacheDownError):
            await link.talk(late_answer)
    assert not link.allows()
    assert "Redis does not answer (too slow): lists are read from MongoDB" in caplog.messages
    await link.talk(ping)
    assert link.allows()


async def test_the_time_that_redis_takes_is_counted_as_the_caches(link: RedisLink) -> None:
    token = timing.begin()
    try:
        await link.talk(ping)
        assert timing.header(timing.spent(), 0).startswith("cache;dur=")
    finally:
        timing.end(token)


async def test_a_ping_says_whether_redis_answers(server: LocalRedis) -> None:
    async with instance(server) as cache:
        await cache.ping()
    async with instance(server, port=free_ports(1)[0]) as cache:
        with pytest.raises(CacheDownError):
            await cache.ping()


async def test_a_closed_link_has_no_connections_left(server: LocalRedis, link: RedisLink) -> None:
    await come_true(lambda: connections(server) == 0)  # those of other tests are gone
    await link.talk(ping)
    assert connections(server) == 1
    await link.close()
    await come_true(lambda: connections(server) == 0)
