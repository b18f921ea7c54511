"""Ten thousand connections that do nothing, and those who want something meanwhile."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from pathlib import Path

from tests.attacks.attack import Scene
from tests.attacks.test_slow_clients import honest
from tools.local_stack import LocalStack

CONNECTIONS = 10_000
ADDRESSES = [f"127.0.2.{number}" for number in range(1, 21)]
AT_ONCE = 100
HELD_SECONDS = 5
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
# As many files as connections, and some for what else this process has open.
FILES = CONNECTIONS + 1000

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_one(port: int, number: int) -> Connection:
    address = ADDRESSES[number % len(ADDRESSES)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0), limit=4096)
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    return reader, writer


async def open_all(port: int, opened: list[Connection]) -> None:
    """Open them, a hundred at a time: who knocks too fast waits for the kernel's queue."""
    for begin in range(0, CONNECTIONS, AT_ONCE):
        opened += await asyncio.gather(*(open_one(port, begin + number) for number in range(AT_ONCE)))


async def hold(stack: LocalStack, scene: Scene) -> list[float]:
    opened: list[Connection] = []
    try:
        await open_all(stack.ports.gateway, opened)
        with honest(scene.person) as asking:
            await asyncio.sleep(HELD_SECONDS)
        assert len(opened) == CONNECTIONS
        assert not [reader for reader, _ in opened if reader.at_eof()], "some were closed"
        # They are not only open: they are served.
        for reader, writer in opened[:: CONNECTIONS // 100]:
            writer.write(REQUEST)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        return asking.seconds
    finally:
        for _, writer in opened:
            writer.close()


def test_ten_thousand_idle_connections_are_no_burden(stack: LocalStack, scene: Scene) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= FILES, f"this computer lets a process have {hard} files; ulimit -Hn {FILES} is needed"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    began = time.monotonic()
    try:
        seconds = asyncio.run(hold(stack, scene))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert statistics.quantiles(seconds, n=20)[-1] < 1
    assert time.monotonic() - began < 60
    assert "worker_connections are not enough" not in error_log(stack)


def error_log(stack: LocalStack) -> str:
    return Path(stack.folder / "nginx" / "error.log").read_text(errors="replace")
