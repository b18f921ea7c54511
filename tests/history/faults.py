"""What goes wrong while the clients are at work: one thing at a time, each made good before the next."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tests.api.relay import Relay
from tools.local_stack import LocalStack, wait_until_ready

# Between two faults everything has time to recover. (A writer without Redis and a reader without MongoDB at
# the same moment are the gap that docs/decisions/0003-cache.md names.)
QUIET_SECONDS = 3.0
# What may cost answers. Of Redis' troubles no request may notice anything.
NOTICED = {"an instance killed", "an instance frozen", "MongoDB frozen"}
Fault = Callable[[], Awaitable[None]]


class Faults:
    def __init__(self, stack: LocalStack, wire: Relay) -> None:
        self.happened: Counter[str] = Counter()
        self._stack = stack
        self._wire = wire  # between the last instance and Redis
        self._noticed_until = float("-inf")
        self._kinds: dict[str, Fault] = {
            "Redis killed": self._redis_killed,
            "Redis frozen": self._redis_frozen,
            "Redis slow": self._redis_slow,
            "Redis emptied": self._redis_emptied,
            "Redis full": self._redis_full,
            "connections killed": self._connections_killed,
            "one instance cut off": self._cut_off,
            "an instance killed": self._instance_killed,
            "an instance frozen": self._instance_frozen,
            "MongoDB frozen": self._mongodb_frozen,
        }

    def explain(self, began: float) -> bool:
        """Return whether a request that began then and ends now may remain without a good answer."""
        return began < self._noticed_until

    async def go_on(self, stop: asyncio.Event) -> None:
        """Each kind in turn, in an order that is new each time, until told to stop; then all is well."""
        while not stop.is_set():
            for name in random.sample(list(self._kinds), len(self._kinds)):
                if await _told(stop, QUIET_SECONDS):
                    break
                self.happened[name] += 1
                if name in NOTICED:
                    self._noticed_until = float("inf")
                await self._kinds[name]()
                if name in NOTICED:
                    self._noticed_until = time.monotonic() + QUIET_SECONDS

    async def _redis_killed(self) -> None:
        self._stack.redis.kill()
        await asyncio.sleep(random.uniform(0.05, 2))
        self._stack.redis.start()

    async def _redis_frozen(self) -> None:
        self._stack.redis.pause()
        await asyncio.sleep(random.uniform(0.1, 3))
        self._stack.redis.resume()

    async def _redis_slow(self) -> None:
        for _ in range(5):
            await self._tell("CLIENT", "PAUSE", random.randint(50, 800), "ALL")
            await asyncio.sleep(0.2)

    async def _redis_emptied(self) -> None:
        for _ in range(40):
            await self._tell("FLUSHALL")
            await asyncio.sleep(0.02)

    async def _redis_full(self) -> None:
        await self._tell("CONFIG", "SET", "maxmemory", random.choice([1, 1_500_000]))
        await asyncio.sleep(2)
        await self._tell("CONFIG", "SET", "maxmemory", 64_000_000)

    async def _connections_killed(self) -> None:
        for _ in range(20):
            await self._tell("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.sleep(0.05)

    async def _cut_off(self) -> None:
        await self._wire.cut()
        await asyncio.sleep(random.uniform(0.2, 3))
        await self._wire.mend()

    async def _instance_killed(self) -> None:
        url, process = random.choice(list(zip(self._stack.task_urls, self._stack.tasks, strict=True)))
        process.kill()
        await asyncio.sleep(0.2)
        process.start()
        await asyncio.to_thread(wait_until_ready, url, process)

    async def _instance_frozen(self) -> None:
        process = random.choice(self._stack.tasks)
        process.pause()
        await asyncio.sleep(random.uniform(0.2, 2.5))
        process.resume()

    async def _mongodb_frozen(self) -> None:
        self._stack.mongodb.pause()
        await asyncio.sleep(random.uniform(0.2, 2))
        self._stack.mongodb.resume()

    async def _tell(self, *words: str | int) -> None:
        """To a Redis that may be in trouble: it is tried again until it has heard."""
        async with asyncio.timeout(60):
            while True:
                try:
                    async with Redis.from_url(
                        self._stack.redis_admin_url, socket_timeout=5, retry=Retry(NoBackoff(), 0)
                    ) as admin:
                        await admin.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py's
                except RedisError:
                    await asyncio.sleep(0.05)
                else:
                    return


async def _told(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True
