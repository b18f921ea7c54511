"""How the cache gets to Redis: in time, and past a breaker when there is nobody to talk to."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis

from app.common import timing
from app.tasks.cache_connection import WRITERS_PATIENCE, CacheDownError, RedisLink, Script
from app.tasks.cache_wire import SharedWire
from tests.api.caches import Board, come_true, connections, instance, redis_alone, start
from tools.local_redis import LocalRedis
from tools.local_stack import free_ports

pytestmark = pytest.mark.anyio


@pytest.fixture
def nobody(server: LocalRedis) -> RedisLink:
    """A link to a port where nobody listens."""
    return RedisLink(SecretStr(server.url("tasks", free_ports(1)[0])), 5)


async def test_a_script_that_redis_does_not_know_is_told_once_and_then_called_by_its_digest(
    server: LocalRedis, link: RedisLink, user: str
) -> None:
    script = Script(f"-- {secrets.token_hex(8)}\nreturn {{KEYS[1], ARGV[1], ARGV[2]}}")
    key, loads, wire = f"tasks:{{{user}}}:lists", [], SharedWire(link)
    with Redis.from_url(server.url("admin")) as admin:
        assert admin.script_exists(script.sha) == [False]
        for word in ("told", "known"):
            answer = await wire.script(script, [key], word, 1)
            assert answer == [key.encode(), word.encode(), b"1"]
            assert admin.script_exists(script.sha) == [True]
            loads.append(admin.info("commandstats")["cmdstat_script|load"]["calls"])
    assert loads[0] == loads[1]
    wire.close()


async def test_a_script_that_is_forgotten_again_before_it_runs_is_no_answer(link: RedisLink) -> None:
    script, wire = Script(f"return '{secrets.token_hex(8)}'"), SharedWire(link)
    script.sha = "0" * 40  # whatever is loaded has another name
    with pytest.raises(CacheDownError):
        await wire.script(script, [])
    wire.close()


async def test_each_run_of_a_server_has_a_name_of_its_own(tmp_path: Path) -> None:
    runs = []
    with redis_alone(tmp_path) as server:
        link = RedisLink(SecretStr(server.url("tasks")), 5)
        for _ in range(2):
            wires = [SharedWire(link), SharedWire(link, WRITERS_PATIENCE)]
            runs.append({(await wire.open()).run for wire in wires})
            for wire in wires:
                wire.close()
            server.process.stop()
            start(server)
    assert [len(names) for names in runs] == [1, 1]
    assert runs[0] != runs[1]


@pytest.mark.parametrize("patience", [1, WRITERS_PATIENCE])
async def test_a_connection_is_waited_for_as_long_as_agreed(server: LocalRedis, patience: int) -> None:
    timeout = 0.1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        wire = SharedWire(RedisLink(SecretStr(server.url("tasks", port)), timeout), patience)
        began = time.monotonic()
        with pytest.raises(CacheDownError) as ended:
            await wire.open()
        assert time.monotonic() - began >= timeout * patience
        assert isinstance(ended.value.__cause__, TimeoutError)


@pytest.mark.parametrize("patience", [1, WRITERS_PATIENCE])
async def test_an_answer_is_waited_for_as_long_as_agreed(tmp_path: Path, patience: int) -> None:
    timeout = 0.2
    with redis_alone(tmp_path) as server:
        shared = SharedWire(RedisLink(SecretStr(server.url("tasks")), timeout), patience)
        wire = await shared.open()
        server.process.pause()
        began = time.monotonic()
        with pytest.raises(CacheDownError):
            await wire.ask("PING")
        assert time.monotonic() - began >= timeout * patience
        server.process.resume()
        assert await (await shared.open()).ask("PING") == b"PONG"
        shared.close()


async def test_who_has_no_right_to_know_the_run_gets_no_connection(server: LocalRedis) -> None:
    with Redis.from_url(server.url("admin")) as admin:
        admin.acl_setuser("blind", enabled=True, passwords=["+blind-password"], commands=["-@all", "+ping"])
        url = server.url("tasks").replace("tasks:tasks-password", "blind:blind-password")
        before = connections(server)
        with pytest.raises(CacheDownError):
            await RedisLink(SecretStr(url), 5).connect()
        await come_true(lambda: connections(server) == before)
        admin.acl_deluser("blind")


async def test_after_three_failures_nobody_asks_until_redis_answered(
    nobody: RedisLink, link: RedisLink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for allowed in (True, True, True, False):
        assert nobody.allows() is allowed
        with pytest.raises(CacheDownError):
            await SharedWire(nobody).open()
    (said,) = [record.message for record in caplog.records if record.name == "app.tasks.breaker"]
    assert "Connect call failed" in said


async def test_a_failure_without_words_is_called_too_slow(
    link: RedisLink, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        link.failed("")
    assert not link.allows()
    assert "Redis does not answer (too slow): lists are read from MongoDB" in caplog.messages
    wire = SharedWire(link)
    await (await wire.open()).ask("PING")
    assert link.allows()
    wire.close()


async def test_a_ping_says_whether_redis_answers(server: LocalRedis) -> None:
    async with instance(server) as cache:
        await cache.ping()
    async with instance(server, port=free_ports(1)[0]) as cache:
        with pytest.raises(CacheDownError):
            await cache.ping()


async def test_readers_and_writers_have_a_connection_each_which_a_closed_cache_gives_back(
    server: LocalRedis,
) -> None:
    await come_true(lambda: connections(server) == 0)  # those of other tests are gone
    async with instance(server) as cache:
        await cache.ping()
        await asyncio.gather(*(cache.write(str(number), _nothing) for number in range(20)))
        assert connections(server) == 2
    await come_true(lambda: connections(server) == 0)


async def test_the_time_that_redis_takes_is_counted_as_the_caches(server: LocalRedis, user: str) -> None:
    async with instance(server) as cache:
        token = timing.begin()
        try:
            await cache.write(user, _nothing)
            assert timing.header(timing.spent(), 0).startswith("cache;dur=")
        finally:
            timing.end(token)


async def test_a_writer_has_more_patience_than_a_reader(tmp_path: Path, user: str) -> None:
    timeout, board = 0.2, Board()
    with redis_alone(tmp_path) as server:
        async with instance(server, timeout_seconds=timeout, board=board) as cache:
            await cache.write(user, _nothing)
            server.process.pause()
            began = time.monotonic()
            await cache.write(user, _nothing)
            # Its mark had no answer, and then its clearing no connection.
            assert time.monotonic() - began >= 2 * timeout * WRITERS_PATIENCE
            assert board.waits == 1
            server.process.resume()


async def _nothing() -> None:
    pass
