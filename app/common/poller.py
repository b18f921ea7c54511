"""Looking at something again and again: what other processes have decided, or a file that may change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

logger = logging.getLogger(__name__)


@asynccontextmanager
async def polling(name: str, look: Callable[[], Awaitable[None]], seconds: float) -> AsyncIterator[None]:
    """Call `look` every `seconds` while the block runs. A failure is logged once, and its end once."""
    task = asyncio.create_task(_poll(name, look, seconds))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _poll(name: str, look: Callable[[], Awaitable[None]], seconds: float) -> None:
    failing = False
    while True:
        try:
            await look()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
            if not failing:
                logger.warning("%s: cannot look (%s: %s)", name, type(error).__name__, error)
            failing = True
        else:
            if failing:
                logger.info("%s: looking again", name)
            failing = False
        await asyncio.sleep(seconds)
