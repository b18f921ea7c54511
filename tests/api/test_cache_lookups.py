"""Many lookups share a connection to Redis: each gets its own answer, in time, or none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from pydantic import SecretStr
from redis import Redis

from app.tasks.cache_connection import CacheDownError, RedisLink
from app.tasks.cache_reads import CacheReads
from app.tasks.cache_scripts import lists_of
from app.tasks.cache_wire import SharedWire
from tests.api.caches import come_true, connections, redis_alone
from tests.certificates import self_signed
from tools.local_redis import LocalRedis
from tools.local_stack import free_ports

pytestmark = pytest.mark.anyio
QUERIES = [f"limit={number}" for number in range(100)]
# Far fewer than there are queries: one or two, the test's own, and what others leave behind.
SOME = 5
FOUND = [query.encode() for query in QUERIES]


@pytest.fixture
async def reads(link: RedisLink) -> AsyncIterator[CacheReads]:
    opened = CacheReads(SharedWire(link))
    yield opened
    opened.wire.close()


@pytest.fixture
def admin(server: LocalRedis) -> Iterator[Redis]:
    with Redis.from_url(server.url("admin")) as opened:
        yield opened


@pytest.fixture
async def stored(admin: Redis, link: RedisLink, reads: CacheReads, user: str) -> str:
    """A user whose lists are in Redis, each with its query as the entry; the connection is there."""
    await fill(admin, link, user)
    assert await reads.find(user, QUERIES[0]) == FOUND[0]
    return user


async def fill(admin: Redis, link: RedisLink, user: str) -> None:
    stream, run = await link.connect()
    stream.close()
    await stream.wait_closed()
    admin.hset(lists_of(user), mapping={f"{run} {query}": query for query in QUERIES})


def questions(admin: Redis) -> int:
    """How often Redis has read something, this question included."""
    return int(admin.info("stats")["total_reads_processed"])


def kinds(found: list[bytes | BaseException | None]) -> set[type]:
    return {type(each) for each in found}


async def test_all_of_one_turn_are_one_question_and_each_gets_its_own_answer(
    admin: Redis, reads: CacheReads, stored: str
) -> None:
    before = questions(admin)
    found = await asyncio.gather(*(reads.find(stored, query) for query in [*QUERIES, "no such list"]))
    assert found == [*FOUND, None]
    assert questions(admin) - before <= SOME


async def test_what_is_asked_while_redis_answers_is_the_next_question(
    admin: Redis, reads: CacheReads, stored: str
) -> None:
    before = questions(admin)
    first = asyncio.ensure_future(reads.find(stored, QUERIES[0]))
    for _ in range(2):  # it is sent
        await asyncio.sleep(0)
    rest = [asyncio.ensure_future(reads.find(stored, query)) for query in QUERIES[1:]]
    assert await asyncio.gather(first, *rest) == FOUND
    assert questions(admin) - before <= SOME


async def test_the_first_readers_share_the_connection_that_is_made_for_them(
    server: LocalRedis, admin: Redis, link: RedisLink, user: str
) -> None:
    await fill(admin, link, user)
    before = connections(server)
    reads = CacheReads(SharedWire(link))
    assert await asyncio.gather(*(reads.find(user, query) for query in QUERIES)) == FOUND
    assert connections(server) == before + 1
    reads.wire.close()
    await come_true(lambda: connections(server) == before)


async def test_who_goes_away_takes_nobodys_answer_along(reads: CacheReads, stored: str) -> None:
    readers = [asyncio.ensure_future(reads.find(stored, query)) for query in QUERIES[:5]]
    await asyncio.sleep(0)
    for leaver in (0, 3):
        readers[leaver].cancel()
    found = await asyncio.gather(*readers, return_exceptions=True)
    assert [found[number] for number in (1, 2, 4)] == [FOUND[number] for number in (1, 2, 4)]
    assert await reads.find(stored, QUERIES[0]) == FOUND[0]


async def test_the_first_reader_that_goes_away_leaves_its_connection_to_the_next(
    admin: Redis, link: RedisLink, user: str
) -> None:
    await fill(admin, link, user)
    reads = CacheReads(SharedWire(link))
    first = asyncio.ensure_future(reads.find(user, QUERIES[0]))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(reads.find(user, QUERIES[1]))
    first.cancel()
    assert await second == FOUND[1]
    reads.wire.close()


async def test_an_error_is_the_answer_to_one_of_them(admin: Redis, reads: CacheReads, stored: str) -> None:
    admin.set(lists_of(f"{stored}-text"), "no hash")
    users = [stored, f"{stored}-text", stored]
    found = await asyncio.gather(*(reads.find(each, QUERIES[1]) for each in users), return_exceptions=True)
    assert (found[0], found[2]) == (FOUND[1], FOUND[1])
    assert isinstance(found[1], CacheDownError)


async def test_a_script_that_redis_has_forgotten_is_told_again(
    admin: Redis, link: RedisLink, reads: CacheReads, user: str
) -> None:
    for _ in range(2):
        admin.script_flush()
        lease = await reads.lease(user, "", 60_000)
        assert lease
        admin.script_flush()
        await reads.fill(user, lease, b"entry")
        assert await reads.find(user, "") == b"entry"
        assert link.allows()


async def test_errors_alone_are_no_answers_either(admin: Redis, link: RedisLink, user: str) -> None:
    admin.set(lists_of(user), "no hash")
    reads = CacheReads(SharedWire(link))
    for allowed in (True, True, True, False):
        assert link.allows() is allowed
        with pytest.raises(CacheDownError):
            await reads.find(user, "")
    reads.wire.close()


async def test_without_redis_all_are_told_so(server: LocalRedis, user: str) -> None:
    link = RedisLink(SecretStr(server.url("tasks", free_ports(1)[0])), 5)
    reads = CacheReads(SharedWire(link))
    found = await asyncio.gather(*(reads.find(user, each) for each in QUERIES), return_exceptions=True)
    assert kinds(found) == {CacheDownError}
    reads.wire.close()


async def test_a_connection_that_redis_has_closed_is_replaced_before_anybody_needs_it(
    admin: Redis, reads: CacheReads, stored: str
) -> None:
    for connection in admin.client_list(_type="normal"):
        if connection["user"] == "tasks":
            admin.client_kill(connection["addr"])
    await asyncio.sleep(0.05)
    assert await reads.find(stored, QUERIES[0]) == FOUND[0]


async def test_a_redis_that_is_silent_is_waited_for_no_longer_than_agreed_and_its_late_answers_are_nobodys(
    tmp_path: Path, user: str
) -> None:
    timeout = 0.2
    with redis_alone(tmp_path) as server, Redis.from_url(server.url("admin")) as admin:
        link = RedisLink(SecretStr(server.url("tasks")), timeout)
        reads = CacheReads(SharedWire(link))
        await fill(admin, link, user)
        assert await reads.find(user, QUERIES[0]) == FOUND[0]
        server.process.pause()
        began = time.monotonic()
        found = await asyncio.gather(*(reads.find(user, each) for each in QUERIES), return_exceptions=True)
        assert kinds(found) == {CacheDownError}
        assert time.monotonic() - began >= timeout
        server.process.resume()
        assert await reads.find(user, QUERIES[7]) == FOUND[7]
        reads.wire.close()


async def test_who_was_busy_itself_does_not_blame_redis(server: LocalRedis, admin: Redis, user: str) -> None:
    link = RedisLink(SecretStr(server.url("tasks")), 0.2)
    reads = CacheReads(SharedWire(link))
    await fill(admin, link, user)
    assert await reads.find(user, QUERIES[0]) == FOUND[0]
    reader = asyncio.ensure_future(reads.find(user, QUERIES[1]))
    for _ in range(2):  # it is sent
        await asyncio.sleep(0)
    time.sleep(0.5)  # noqa: ASYNC251 - the whole process is held up
    assert await reader == FOUND[1]
    reads.wire.close()


async def test_who_still_waits_when_it_is_closed_is_told_that_there_is_no_answer(
    reads: CacheReads, stored: str
) -> None:
    reader = asyncio.ensure_future(reads.find(stored, QUERIES[0]))
    reads.wire.close()
    with pytest.raises(CacheDownError):
        await reader


async def test_answers_that_nobody_asked_for_end_the_connection(
    link: RedisLink, reads: CacheReads, stored: str
) -> None:
    wire = reads.wire.current
    assert wire is not None
    for nonsense in (b"+OK\r\n", b"HTTP/1.1 400 Bad Request\r\n"):
        wire.data_received(nonsense)
        assert wire.is_lost
        assert await reads.find(stored, QUERIES[0]) == FOUND[0]
        wire = reads.wire.current
        assert wire is not None


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_lookups_are_encrypted_too(
    tmp_path: Path, user: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(self_signed("localhost"))
    (port,) = free_ports(1)
    tls = ["--tls-port", str(port), "--tls-auth-clients", "no"]
    tls += [word for name in ("cert", "key", "ca-cert") for word in (f"--tls-{name}-file", str(certificate))]

    async def ask(server: LocalRedis, admin: Redis) -> None:
        url = server.url("tasks", port).replace("redis:", "rediss:").replace("127.0.0.1", "localhost")
        link = RedisLink(SecretStr(f"{url}?ssl_ca_certs={certificate}"), 5)
        await fill(admin, link, user)
        reads = CacheReads(SharedWire(link))
        assert await asyncio.gather(*(reads.find(user, query) for query in QUERIES)) == FOUND
        admin.client_kill_filter(_type="normal", skipme=True)
        await asyncio.sleep(0.05)
        assert await reads.find(user, QUERIES[0]) == FOUND[0]
        reads.wire.close()

    with (
        redis_alone(tmp_path, *tls) as server,
        Redis.from_url(server.url("admin")) as admin,
        asyncio.Runner(loop_factory=loop) as runner,
    ):
        runner.run(ask(server, admin))
