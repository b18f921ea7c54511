"""Redis replaced by another run: what an earlier one held is not read, however well it was kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from app.tasks.cache import Outcome, TaskListCache
from tests.api.caches import Database, instance, page, redis_alone, start
from tests.api.conftest import eventually
from tools.local_redis import LocalRedis

pytestmark = pytest.mark.anyio


@pytest.fixture
def master(tmp_path: Path) -> Iterator[LocalRedis]:
    (folder := tmp_path / "master").mkdir()
    with redis_alone(folder, "--repl-diskless-sync-delay", "0") as running:
        yield running


@pytest.fixture
def replica(master: LocalRedis, tmp_path: Path) -> Iterator[LocalRedis]:
    (folder := tmp_path / "replica").mkdir()
    follow = ("--replicaof", f"127.0.0.1 {master.port}", "--masteruser", "admin")
    with redis_alone(folder, *follow, "--masterauth", master.passwords["redis_admin"]) as running:
        with Redis.from_url(running.url("admin")) as admin:  # a master's first replica gives it a new replid
            eventually(lambda: admin.info("replication")["master_link_status"] == "up")
        yield running


def cut_off(master: LocalRedis, replica: LocalRedis) -> None:
    """From here on the replica learns nothing."""
    replica.process.pause()
    with Redis.from_url(master.url("admin")) as admin:
        admin.client_kill_filter(_type="replica")


def fail_over(master: LocalRedis, replica: LocalRedis) -> None:
    """The master dies, and the replica answers at its port."""
    master.process.kill()
    replica.process.resume()
    with Redis.from_url(replica.url("admin")) as admin:
        admin.replicaof("NO", "ONE")
        admin.config_set("port", master.port)


async def test_a_promoted_replica_that_missed_a_write_is_not_believed(
    master: LocalRedis, replica: LocalRedis, user: str
) -> None:
    database = Database()
    lists = f"tasks:{{{user}}}:lists"
    async with instance(master) as writing, instance(master) as reading:
        for cache, expected in ((writing, Outcome.MISS), (reading, Outcome.HIT)):
            assert await cache.read(user, "", database.load) == (page(0), expected)
        with Redis.from_url(replica.url("admin")) as admin:
            eventually(lambda: admin.exists(lists) == 1)
            cut_off(master, replica)
            await writing.write(user, database.write(1))
            fail_over(master, replica)
            assert admin.exists(lists) == 1  # it missed the write
        await fresh_until_hit(writing, user, database)
        await fresh_until_hit(reading, user, database)


async def test_a_reader_from_before_the_fail_over_stores_nothing_after_it(
    master: LocalRedis, replica: LocalRedis, user: str
) -> None:
    database = Database()
    async with instance(master) as slow, instance(master) as cache:
        reader = asyncio.create_task(slow.read(user, "", database.load_held_up))
        await database.reading.wait()
        with Redis.from_url(replica.url("admin")) as admin:
            eventually(lambda: admin.exists(f"tasks:{{{user}}}:version") == 1)  # its lease
            cut_off(master, replica)
            await cache.write(user, database.write(1))
            fail_over(master, replica)
        await fresh_until_hit(slow, "another", Database())  # it has found the new master
        database.go.set()
        await reader
        assert (await cache.read(user, "", database.load))[0] == page(1)


async def test_a_restart_with_an_old_copy_of_the_data_is_not_believed(master: LocalRedis, user: str) -> None:
    database = Database()
    async with instance(master) as cache:
        await cache.read(user, "", database.load)
        with Redis.from_url(master.url("admin")) as admin:
            admin.save()
        await cache.write(user, database.write(1))
        master.process.kill()
        start(master)
        with Redis.from_url(master.url("admin")) as admin:
            assert admin.exists(f"tasks:{{{user}}}:lists") == 1
        await fresh_until_hit(cache, user, database)


async def fresh_until_hit(cache: TaskListCache, user: str, database: Database) -> None:
    """The first reads may find their connections broken; none may be old, and the cache is used again."""
    outcome = Outcome.MISS
    while outcome is not Outcome.HIT:
        entry, outcome = await cache.read(user, "", database.load)
        assert entry == page(database.value)
