"""The quota: exact for all requests of one process, however they interleave."""

from __future__ import annotations

import asyncio
import random

import pytest

from app.tasks import quota
from app.tasks.quota import Quota, QuotaError

pytestmark = pytest.mark.anyio


class Store:
    """What counting and storing take, as with a database: other requests go on meanwhile."""

    def __init__(self, limit: int, stored: int = 0) -> None:
        self.stored = stored
        self.quota = Quota(limit, self._count)
        self.counting: asyncio.Event | None = None
        self.counts = 0

    async def _count(self, _owner: str) -> int:
        self.counts += 1
        seen = self.stored
        await asyncio.sleep(0)
        if self.counting:
            await self.counting.wait()
        return seen

    async def add(self, wanted: int, *, owner: str = "anna", until: asyncio.Event | None = None) -> None:
        async with self.quota.room(owner, wanted):
            if until:
                await until.wait()
            await asyncio.sleep(0)
            self.stored += wanted
            await asyncio.sleep(0)

    async def add_at_once(self, requests: int, wanted: int) -> int:
        """Return how many were refused."""
        adding = (self.add(wanted) for _ in range(requests))
        done = await asyncio.gather(*adding, return_exceptions=True)
        assert {type(each) for each in done} <= {QuotaError, type(None)}
        return sum(each is not None for each in done)


@pytest.mark.parametrize(
    ("requests", "wanted", "stored"), [(30, 1, 0), (30, 7, 0), (10, 5, 90), (200, 1, 95)]
)
async def test_requests_at_once_fill_the_quota_and_do_not_pass_it(
    requests: int, wanted: int, stored: int
) -> None:
    store = Store(100, stored)
    refused = await store.add_at_once(requests, wanted)
    fitting = min(requests, (100 - stored) // wanted)
    assert (store.stored, refused) == (stored + fitting * wanted, requests - fitting)


async def test_who_finds_the_last_room_taken_waits_to_see_whether_it_is_used() -> None:
    store, failing = Store(10, 9), asyncio.Event()

    async def fail() -> None:
        async with store.quota.room("anna", 1):
            await failing.wait()
            raise LookupError

    first = asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    second = asyncio.create_task(store.add(1))
    await asyncio.sleep(0.01)
    assert not second.done()
    failing.set()
    with pytest.raises(LookupError):
        await first
    await second
    assert store.stored == 10


async def test_what_is_stored_while_somebody_counts_is_not_overlooked() -> None:
    store = Store(10, 8)
    store.counting = asyncio.Event()
    slow = asyncio.create_task(store.add(2))
    await asyncio.sleep(0.01)
    counting, store.counting = store.counting, None
    await store.add(2)
    counting.set()
    with pytest.raises(QuotaError):
        await slow
    assert store.stored == 10


async def test_people_do_not_wait_for_each_other() -> None:
    store, never = Store(10, 9), asyncio.Event()
    first = asyncio.create_task(store.add(1, until=never))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        await store.add(1, owner="ben")
    never.set()
    await first


async def test_nothing_is_kept_of_who_is_not_there() -> None:
    store = Store(10)
    await store.add_at_once(20, 1)
    assert store.quota._owners == {}
    assert store.quota._uncounted == {}


async def test_one_after_the_other_is_counted_seldom_far_from_the_quota_and_always_close_to_it() -> None:
    store = Store(1000)
    for _ in range(900):
        await store.add(1)
    assert store.counts < 60
    for _ in range(100):
        await store.add(1)
    before = store.counts
    for _ in range(3):
        with pytest.raises(QuotaError):
            await store.add(1)
    assert (store.stored, store.counts) == (1000, before + 3)


@pytest.mark.parametrize("seed", range(20))
async def test_many_and_few_tasks_at_once_do_not_pass_the_quota(seed: int) -> None:
    chance = random.Random(seed)
    store = Store(1000, chance.randrange(1000))

    async def add(wanted: int) -> int:
        await asyncio.sleep(chance.random() / 100)
        try:
            await store.add(wanted)
        except QuotaError:
            return wanted
        return 0

    wanted = [chance.choice([1, 1, 1, 1, 3, 40]) for _ in range(400)]
    refused = [each for each in await asyncio.gather(*map(add, wanted)) if each]
    assert store.stored <= 1000
    assert all(store.stored + each > 1000 for each in refused)


async def test_after_a_while_and_after_many_others_somebody_is_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(1000)
    await store.add(1)
    await store.add(1)
    assert store.counts == 1
    monkeypatch.setattr(quota, "_REMEMBERED", 3)
    for number in range(4):
        await store.add(1, owner=str(number))
    assert len(store.quota._uncounted) == 3
    await store.add(1)
    assert store.counts == 6
    monkeypatch.setattr(quota, "_UNCOUNTED_SECONDS", -1)
    await store.add(100)  # more than the rest of a sixteenth
    await store.add(1)
    assert store.counts == 8
