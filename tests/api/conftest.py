from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVarTuple

import httpx
import pytest
from bson import ObjectId
from pydantic import SecretStr
from redis import Redis

from app.tasks.cache_connection import RedisLink
from tests.api.caches import redis_alone
from tests.api.databases import mongodb_alone
from tests.api.people import People, Person, client
from tools.local_mongod import Mongod
from tools.local_redis import LocalRedis
from tools.local_stack import LocalStack, wait_until_ready

PATIENCE_SECONDS = 30
Of = TypeVarTuple("Of")


@pytest.fixture
def people(stack: LocalStack) -> Iterator[People]:
    people = People(stack)
    yield people
    people.close()


@pytest.fixture
def anna(people: People) -> Person:
    return people.new()


@pytest.fixture
def ben(people: People) -> Person:
    return people.new()


@pytest.fixture
def gateway(stack: LocalStack) -> Iterator[httpx.Client]:
    with client(stack.gateway_url) as opened:
        yield opened


@pytest.fixture
def redis(stack: LocalStack) -> Iterator[Redis]:
    """Redis as its administrator sees it."""
    with Redis.from_url(stack.redis_admin_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedis]:
    """Redis alone, for tests of the cache alone."""
    with redis_alone(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
async def link(server: LocalRedis) -> AsyncIterator[RedisLink]:
    """What the service's account can ask of that Redis."""
    yield RedisLink(SecretStr(server.url("tasks")), 5)
    await asyncio.sleep(0.01)  # connections that the test has closed end in the loop's next turns


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """MongoDB alone, for tests of what talks to nothing else."""
    with mongodb_alone(tmp_path_factory.mktemp("mongodb")) as running:
        yield running


@pytest.fixture
def user() -> str:
    """The id of nobody else."""
    return str(ObjectId())


@pytest.fixture
def faults(stack: LocalStack, people: People) -> Iterator[LocalStack]:
    """The stack, for a test that breaks something. Whatever it broke works again before the next one."""
    yield stack
    restore(stack, people)


def restore(stack: LocalStack, people: People) -> None:
    for process in (stack.mongodb, stack.redis, *stack.auth, *stack.tasks, stack.gateway):
        process.resume()
        if not process.running:
            process.wait()
            process.start()
    stack.database.prepare()
    for url, process in zip([stack.auth_url, *stack.task_urls], [*stack.auth, *stack.tasks], strict=True):
        wait_until_ready(url, process)
    person = people.new()
    for url in stack.task_urls:
        eventually(lambda url: person.cached(url) != "BYPASS", url)
        eventually(lambda: person.gateway.get("/tasks").status_code == 200)


def eventually(holds: Callable[[*Of], bool], *of: *Of) -> None:
    """Wait for something that has to come true of these, however long this computer takes."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not holds(*of):
        assert time.monotonic() < give_up, "it has not come true"
        time.sleep(0.02)
