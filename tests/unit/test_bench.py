"""What `make bench` makes of what it measures."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from tests.bench import cluster, open_loop, report
from tests.bench.load import Load
from tests.bench.measure import HIT, WAYS, WORKLOADS, Results, Sample, Samples, Size, Steady, Storm
from tests.bench.open_loop import Latencies
from tests.bench.playbook import Run
from tests.bench.processes import cpu_seconds, resident_bytes
from tests.bench.rows import Row, rows

WRK = (
    "Running 6s test @ https://192.168.56.10/tasks\n  1 threads and 32 connections\n"
    '{"requests": %d, "hits": %d, "misses": 0, "others": 0, "errors": %d, '
    '"seconds": 6, "p50_ms": 12.5, "p99_ms": 40.1}\n'
)


def test_what_the_load_generator_saw_is_in_its_last_line() -> None:
    load = Load.read(WRK % (9000, 8999, 0))
    assert load == Load(9000, 8999, 0, 0, 0, 6, 12.5, 40.1)
    assert load.rate == 1500
    assert load.is_about(load.hits)


@pytest.mark.parametrize("saw", [(9000, 8000, 0), (9000, 9000, 1), (0, 0, 0)])
def test_a_load_that_was_not_answered_as_it_should_be_measures_nothing(saw: tuple[int, int, int]) -> None:
    load = Load.read(WRK % saw)
    assert not load.is_about(load.hits)


@pytest.mark.parametrize(
    ("row", "is_met", "shown"),
    [
        (Row("a", "b", 0.8, [0.7, 0.9, 0.8]), True, "≥ 0.8 times | 0.80 times (0.70 to 0.90) | met"),
        (Row("a", "b", 0.8, [0.7, 0.9, 0.7]), False, "≥ 0.8 times | 0.70 times (0.70 to 0.90) | NOT met"),
        (Row("a", "b", 80, [81.0], is_ceiling=True, unit="MiB"), False, "≤ 80 MiB | 81.00 MiB | NOT met"),
        (Row("a", "b", 1.5, [1.5], is_ceiling=True, unit="s"), True, "≤ 1.5 s | 1.50 s | met"),
    ],
)
def test_a_row_says_whether_its_median_meets_the_target(row: Row, is_met: bool, shown: str) -> None:
    assert row.is_met is is_met
    assert " | ".join(row.cells()) == f"a | b | {shown}"


@pytest.mark.parametrize(
    ("now", "before", "is_ceiling", "worse"),
    [
        (1.0, 1.4, False, False),
        (1.0, 1.6, False, True),
        (1.6, 1.0, False, False),
        (1.4, 1.0, True, False),
        (1.6, 1.0, True, True),
        (1.0, 1.6, True, False),
    ],
)
def test_much_worse_is_more_than_noise(now: float, before: float, is_ceiling: bool, worse: bool) -> None:
    assert Row("a", "b", 1, [now], is_ceiling).is_worse_than(before) is worse


@pytest.fixture
def results() -> Results:
    """Three rounds in which everything costs the same, but for HIT, which is twice as fast."""

    def sample(name: str, number: int) -> Sample:
        speed = 2 if name == HIT.name else 1
        parts = ("app", "nginx", "redis", "mongod")
        return Sample(dict.fromkeys(parts, 100 * number / speed), 1000 * speed / number, 1, 2)

    samples = Samples({each.name: [sample(each.name, number) for number in (1, 2, 4)] for each in WORKLOADS})
    steady = {share: [Steady(1000 * share, 1, 2, 3, 4, 0)] * 3 for share in (0.25, 0.5)}
    scaling = {count: [sample("", number) for number in (1, 2, 4)] for count in (1, 3)}
    storms = [Storm(40, 160, Steady(1000, 1, 2, 3, 4, 0), Steady(1000, 2, 3, p99, 9, 1)) for p99 in (3, 4, 6)]
    size = Size(70 << 20, 79 << 20, 79 << 20)
    ways = {workload.name: [Steady(700, 5, 6, 7, 8, 0)] * 3 for workload in WAYS}
    return Results(samples, scaling, scaling, steady, ways, storms, size, [1.0, 1.2, 9.0])


def test_ratios_are_those_inside_the_rounds(results: Results) -> None:
    found = {(row.what, row.against): row.value for row in rows(results)}
    assert found["HIT, requests/s", "bare ASGI with the same bytes"] == 2
    assert found["HIT, CPU of the app", "bare ASGI with the same bytes"] == 0.5
    assert found["304, requests/s", "HIT"] == 0.5
    assert found["p99 at half the capacity, constant rate", "p50"] == 3
    assert found["memory after 100 000 requests", ""] == 79
    assert found["start to ready", ""] == 1.2
    assert found["p99 of lists in a login storm of 4 times the capacity", "quiet"] == 4 / 3


def test_the_report_has_every_row_and_every_workload(results: Results) -> None:
    found = list(rows(results))
    page = report.document(results, found, ["Computer: one"])
    for row in found:
        assert f"| {' | '.join(row.cells())} |" in page
    for workload in WORKLOADS:
        assert f"\n| {workload.name} | " in page
    assert "| 50% of the capacity | 500 | 1.00 | 2.00 | 3.00 | 4.00 | 0 |" in page
    assert "| BYPASS | 700 | 5.00 | 6.00 | 7.00 | 8.00 | 0 |" in page
    assert "- Computer: one" in page
    assert "160 sign-ins a second where 40 can be" in page
    assert "take 2.00 ms (p50) and 4.00 ms (p99); without it 1.00 and 3.00. 3 failed." in page
    assert "\n| 3, bare ASGI | " in page
    assert len(report.terminal(found).splitlines()) == len(found) + 1


def test_percentiles_are_of_all_requests() -> None:
    found = Latencies([number / 1000 for number in range(100, 0, -1)], 0)
    assert [round(found.percentile(percent)) for percent in (0, 50, 99, 100)] == [1, 51, 100, 100]


@contextmanager
def server(held_up: float = 0) -> Iterator[str]:
    """Answers at once; the tenth request of all holds up everybody for a while."""
    count = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        with suppress(ConnectionError):
            while line := await reader.readline():
                if line == b"\r\n":
                    count += 1
                    if count == 10:
                        time.sleep(held_up)  # noqa: ASYNC251 - that is the fault
                    status = b"200 OK" if count != 20 else b"503 Not now"
                    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\nlist")
        writer.close()

    async def serve() -> None:
        stop = asyncio.Event()
        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        ends.append(partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set))
        port.set_result(listening.sockets[0].getsockname()[1])
        async with listening:
            await stop.wait()

    port: Future[int] = Future()
    ends: list[Callable[[], object]] = []
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port.result(30)}"
    finally:
        ends[0]()
        thread.join()


def test_at_a_constant_rate_everybody_who_waits_for_a_server_that_is_held_up_is_counted() -> None:
    with server(held_up=0.5) as url:
        found = open_loop.ask(url, open_loop.lists(url, ["a", "b"]), rate=100, seconds=1)
    assert len(found.seconds) == 100
    assert found.failed == 1
    # Fifty came while it was held up: a client that waits for its answers would have seen one of them.
    assert sum(each > 0.1 for each in found.seconds) >= 30


def test_a_client_collects_no_garbage_while_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    send, collects = open_loop._Connection.send, []

    def look_and_send(connection: open_loop._Connection, request: bytes, due: float) -> None:
        collects.append(gc.isenabled())
        send(connection, request, due)

    monkeypatch.setattr(open_loop._Connection, "send", look_and_send)
    with server() as url:
        open_loop.ask(url, open_loop.lists(url, ["a"]), rate=50, seconds=0.1)
    assert collects == [False] * 5
    assert gc.isenabled()


def test_a_processs_time_and_memory_are_counted_with_its_childrens() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r} + '\\ninput()'])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE) as process:
        give_up = time.monotonic() + 30
        # What the kernel tells is in whole ticks, of each of two processes and in two kinds.
        while cpu_seconds(process.pid) < 0.25 and time.monotonic() < give_up:
            time.sleep(0.05)
        assert 0.25 <= cpu_seconds(process.pid) < 2
        process.communicate(b"\n")
    assert resident_bytes(os.getpid()) > 10 << 20


SAID = """\
PLAY RECAP *********************************************************************
app1                       : ok=139  changed=0    unreachable=0    failed=0    skipped=120
data1                      : ok=151  changed=2    unreachable=0    failed=0    skipped=155

TASKS RECAP ********************************************************************
Thursday 26 November 2026  23:20:07 +0000 (0:00:00.413)       0:01:40.771 *****
===============================================================================
mongodb : Make the roles that say what each service may do -------------- 2.39s
base : Know this machine by its address, not by a loopback one ---------- 0.84s
"""


def test_a_run_of_the_playbook_is_read_as_it_is_printed() -> None:
    slowest = [
        ("mongodb : Make the roles that say what each service may do", 2.39),
        ("base : Know this machine by its address, not by a loopback one", 0.84),
    ]
    assert Run.read(101, SAID) == Run(101, 2, slowest)


def test_the_report_of_a_cluster_has_all_that_was_measured() -> None:
    parts = {"Redis": 20.0, "task instances": 140.0, "Nginx": 90.0}
    steady = {0.5: [Steady(1000, 2, 3, 6, 9, 0)]}
    runs = [Run(seconds, 0, [("role : Task", seconds / 10)]) for seconds in (30, 20)]
    measured = cluster.Measured([Sample(parts, 2000, 1, 8)], steady, runs)
    found = list(cluster.rows(measured))
    assert [(row.value, row.is_met) for row in found] == [(3, True), (25, True)]
    page = cluster.document(measured, ["3 machines"])
    for line in ("| 1 | 20 | 140 | 90 | 2000 | 8.0 |", "| role : Task | 2.00 |", "- 3 machines"):
        assert f"\n{line}\n" in page
    assert "| 50% of the capacity | 1000 | 2.00 | 3.00 | 6.00 | 9.00 | 0 |" in page
