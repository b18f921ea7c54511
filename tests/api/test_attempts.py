"""Attempts to guess a password are counted in Redis: whichever instance is asked, the count is one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr
from redis import Redis

from app.auth import attempts
from app.auth.attempts import Attempts, TooManyAttemptsError
from tests.api.accounts import login, new_email, register
from tools.local_redis import LocalRedis

SECONDS = 300


async def connected(server: LocalRedis) -> AsyncIterator[Attempts]:
    url = SecretStr(server.url("auth"))
    async with attempts.connected(url, "2 per 5 minutes", "4 per 5 minutes") as opened:
        yield opened


# What two auth processes have.
one = pytest.fixture(name="one")(connected)
other = pytest.fixture(name="other")(connected)


@pytest.mark.anyio
async def test_an_accounts_attempts_at_two_instances_are_counted_together(
    one: Attempts, other: Attempts, user: str
) -> None:
    for instance, address in ((one, "1"), (other, "2")):
        await instance.count(user + address, user)
    for instance, address in ((one, "3"), (other, "4")):
        with pytest.raises(TooManyAttemptsError) as refused:
            await instance.count(user + address, user)
        assert 0 < int(refused.value.headers["Retry-After"]) <= SECONDS


@pytest.mark.anyio
async def test_an_addresss_attempts_at_two_instances_are_counted_together(
    one: Attempts, other: Attempts, user: str
) -> None:
    for number, instance in enumerate((one, other, one, other)):
        await instance.count(user, f"{user}{number}")
    for instance in (one, other):
        with pytest.raises(TooManyAttemptsError):
            await instance.count(user)


@pytest.mark.anyio
async def test_what_one_instance_forgets_the_other_has_forgotten(
    one: Attempts, other: Attempts, user: str
) -> None:
    for _ in range(2):
        await one.count(user + "1", user)
    await other.forget(user)
    await one.count(user + "2", user)


def test_a_running_instance_counts_in_redis_until_the_right_password_comes(
    gateway: httpx.Client, redis: Redis
) -> None:
    email = new_email()
    register(gateway, email)
    counted = f"{attempts.KEY_PREFIX}*{hashlib.sha256(email.encode()).hexdigest()}*"
    assert redis.keys(counted) == []
    assert [login(gateway, email, "wrong").status_code for _ in range(2)] == [401, 401]
    (key,) = redis.keys(counted)
    assert redis.get(key) == b"2"
    assert 0 < redis.ttl(key) <= 2 * SECONDS  # the window, and the one that it slides out of
    assert login(gateway, email).status_code == 200
    assert redis.keys(counted) == []


def test_no_address_of_a_person_is_in_redis(gateway: httpx.Client, redis: Redis) -> None:
    email = new_email()
    assert login(gateway, email).status_code == 401
    assert not [key for key in redis.scan_iter() if email.encode() in key]
