"""docs/performance.md and its pictures, made from what was measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.bench.computer import processor
from tests.bench.load import CONNECTIONS
from tests.bench.measure import Results, Sample, Samples, Steady, Storm
from tests.bench.rows import MEGABYTE, Row
from tests.bench.stand import TASKS, USERS, Stand
from tools.cluster.shell import output
from tools.packages import ROOT
from tools.servers import Program

_HEAD = """\
# Performance

What a list costs, and what it would cost otherwise. Made by `make bench` (`tests/bench`): real MongoDB, Redis
and Nginx on one computer, one instance of the task service behind them, every request through Nginx with a
verified RS256 token, Redis asked each time, ended sessions looked up.

"""
PEOPLE = f"{USERS:,}".replace(",", " ")
COLUMNS = ["what", "against", "target", "measured: median (least to most)", "verdict"]
_FLAMES = """\
Where the time of an instance goes, by py-spy's samples of who holds the interpreter's lock:
[a hit](performance/flames-hit.svg), [a miss](performance/flames-miss.svg)."""
_NOTES = """
Each ratio is of two measurements of the same round; the rounds' median decides. An instance has a processor
of its own; Nginx, Redis, MongoDB and the client share what is left, so requests per second are those of this
computer, and the ratios are what carries over. CPU is what processes have used (`/proc/<pid>/stat`), for each
request. All that is compared runs with a release's packages, and no others, one right after the other.

**Where a target is not met, or hardly**, this is what the profiles show. What was tried is in
[decision 10](decisions/0010-hot-path.md), and what options are worth in
[performance-options.md](performance-options.md).

- *HIT, 304, the tutorial*: most of a hit is sending the answer and parsing the request, which bare ASGI does,
  too; then come the question to Redis, the token and the log line. What is left is close to the targets, so
  that rounds of one run, and runs, are on both sides of them.
- *p99 at a constant rate*: the client, Nginx and Redis share a processor here, and whoever waits for it waits
  for all of a burst; the rounds differ by more than the target is away.
- *MISS*: the lease and the filling in Redis, turning documents into tasks and JSON, their digest, the
  deadline and the log line, none of which the driver alone has. Against that stands that reading and making a
  list are one job of one thread here, where Motor's cursor goes to the event loop and back.
- *POST*: the mark in Redis and its clearing, the deadline, the task that ends a write whose client has gone,
  and the layers that limit a body and write the log, which the bare route does not have.
- *Login storm*: passwords are hashed, and those who are turned away are answered, on the processor from which
  Nginx, Redis and this client have their time, too, and each of them waits longer for its turn. A lower
  priority of the auth service changes nothing.
- *More instances*: bare ASGI does not stay the same either, when there are more processes than processors;
  and fewer requests of each instance share a question to Redis, or a turn of the event loop.
- *Memory*: most of it is code, of FastAPI, cryptography and the two databases' clients; the rest are the
  digests of the tokens that were verified.

What is compared:

- **bare ASGI** is uvicorn as it comes, with an application that sends the same bytes: no token, no Redis, no
  log.
- **tutorial** is FastAPI with a pool of Redis connections, `json`, pydantic models and a token that is
  decoded each time (`tests/bench/tutorial.py`).
- **driver** is Motor alone, as it comes: the same query (and then bytes that are there already), the same
  insert behind the same route.
- **monolith** is both services in one process, in which each list is read from MongoDB: the picture before
  the split (`tests/bench/monolith.py`).
- **BYPASS** is the product when Redis is away: each list is read from MongoDB, and nothing is stored.
- **POST** is what a hundred people add, one task after the other; whoever was counted lately for the quota
  is not counted for each of them.
- **mixed** is a list nine times of ten, and a new task: 1 000 people, some much more often than others.
- At a **constant rate** each request has its moment, and waits from then on: a client that waits for its
  answers would hide the queue (coordinated omission). A hundred people's lists are asked for in turn, all of
  them in the cache. This client needs more processor time than wrk, and has it from the same
  processor as Nginx: there the queue begins below the capacity that wrk has found.
"""


def row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown, numbers to the right."""
    yield row(head)
    yield row(["---", *(["--:"] * (len(head) - 1))])
    yield from map(row, lines)


def terminal(found: Sequence[Row]) -> str:
    """The targets as a table for a terminal."""
    lines = [COLUMNS, *(each.cells() for each in found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def values(found: Sequence[Row]) -> dict[str, float]:
    """What was measured by row, to be compared with another time's."""
    return {each.name: round(each.value, 3) for each in found}


def costs(samples: Samples) -> Iterator[str]:
    """What each workload costs: medians."""
    parts = ("app", "nginx", "redis", "mongod")
    lines = [
        [
            name,
            *(f"{median(one.cpu[part] for one in each):.0f}" for part in parts),
            f"{median(one.operations for one in each):.1f}",
            f"{median(one.rate for one in each):.0f}",
            f"{median(one.p50_ms for one in each):.1f}",
            f"{median(one.p99_ms for one in each):.1f}",
        ]
        for name, each in samples.of.items()
    ]
    return table(["CPU µs a request", *parts, "MongoDB operations", "requests/s", "p50 ms", "p99 ms"], lines)


def by_load(found: dict[float, list[Steady]]) -> Iterator[str]:
    """Latency of hits at constant rates."""
    return latencies("constant rate", {f"{share:.0%} of the capacity": each for share, each in found.items()})


def latencies(what: str, found: dict[str, list[Steady]]) -> Iterator[str]:
    """Latency at constant rates: medians of the rounds."""
    lines = [
        [
            name,
            f"{each[0].rate:.0f}",
            *(
                f"{median(getattr(one, name) for one in each):.2f}"
                for name in ("p50_ms", "p90_ms", "p99_ms", "p999_ms")
            ),
            str(sum(one.failed for one in each)),
        ]
        for name, each in found.items()
    ]
    return table([what, "requests/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "failed"], lines)


def storm(found: Sequence[Storm]) -> str:
    """What a login storm does to those who are signed in: medians."""
    quiet, meanwhile = (
        [median(getattr(getattr(one, when), name) for one in found) for name in ("p50_ms", "p99_ms")]
        for when in ("quiet", "meanwhile")
    )
    refused = sum(one.meanwhile.failed for one in found)
    return (
        f"In a login storm, {found[0].asked:.0f} sign-ins a second where {found[0].capacity:.0f} can be,"
        f" other people's lists ({found[0].quiet.rate:.0f} a second) take {meanwhile[0]:.2f} ms (p50) and"
        f" {meanwhile[1]:.2f} ms (p99); without it {quiet[0]:.2f} and {quiet[1]:.2f}. {refused} failed."
    )


def several(**scaling: dict[int, list[Sample]]) -> Iterator[str]:
    """More instances on the same computer: medians."""
    lines = [
        [
            f"{instances}, {name.replace('_', ' ')}",
            f"{median(one.cpu['app'] for one in each):.0f}",
            f"{median(one.total for one in each):.0f}",
            f"{median(one.rate for one in each):.0f}",
            f"{median(one.p50_ms for one in each):.1f}",
            f"{median(one.p99_ms for one in each):.1f}",
        ]
        for name, by_number in scaling.items()
        for instances, each in by_number.items()
    ]
    head = ["instances on all processors", "CPU µs a request, app", "all parts", "requests/s"]
    return table([*head, "p50 ms", "p99 ms"], lines)


def document(results: Results, found: Sequence[Row], conditions: Sequence[str]) -> str:
    """The whole page."""
    memory = results.memory
    start, after, later = (f"{each / MEGABYTE:.0f}" for each in (memory.at_start, memory.after, memory.later))
    sizes = (
        f"An instance has {start} MiB in memory when it is ready, {after} after 100 000 lists of {PEOPLE}"
        f" people, {later} after as many more."
    )
    return _HEAD + "\n".join(
        [
            *table(COLUMNS, [each.cells() for each in found]),
            "",
            "![How many requests a second each way to answer a list gets through](performance/ladder.svg)",
            "",
            *costs(results.samples),
            "",
            *by_load(results.steady),
            "",
            "![Latency over the share of the capacity that is asked for](performance/latency.svg)",
            "",
            *latencies("constant rate, half of what each way can do", results.ways),
            "",
            "![Latency of hits, misses and bypasses by percentile](performance/ways.svg)",
            "",
            storm(results.storms),
            "",
            sizes,
            "",
            *several(HIT=results.scaling, bare_ASGI=results.scaling_of_the_floor),
            "",
            "![CPU of a request, and requests a second, by the number of instances](performance/scaling.svg)",
            "",
            _FLAMES,
            _NOTES,
            *(f"- {each}" for each in conditions),
            "",
        ]
    )


def conditions(stand: Stand, rounds: int, seconds: int) -> list[str]:
    """On what it was measured."""
    servers = stand.stack.servers
    said = [
        _version(servers.nginx, "-v"),
        _version(servers.redis, "--version"),
        _version(servers.mongod, "--version"),
    ]
    numbers = [re.search(r"(\d+\.\d+[\d.]*)", each) for each in said]
    names = zip(("Nginx", "Redis", "MongoDB"), (found[1] if found else "?" for found in numbers), strict=True)
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("uvicorn", "fastapi", "redis", "hiredis", "motor")
    )
    shown = ", ".join(f"{name} {number}" for name, number in names)
    python = f"Python {platform.python_version()}, {packages}, Linux {platform.release().partition('-')[0]}"
    return [
        f"Computer: {processor()}; all of it is on them.",
        f"Versions: {shown}, {python}.",
        f"Load: {CONNECTIONS} connections that stay, {seconds} s each time, {rounds} rounds.",
        f"A list of {TASKS} tasks, {stand.answer_bytes} bytes; {PEOPLE} people.",
    ]


def _version(program: Program, option: str) -> str:
    """What a server says of itself; Nginx says it where errors go."""
    environment = {**os.environ, **program.environment}
    return subprocess.run(
        [str(program.path), option],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def venv() -> Path:
    """The environment of requirements/bench.txt, made if it is not there. Raises StopError."""
    venv = ROOT / ".cache" / "bench" / "venv"
    output([str(ROOT / "tools" / "venv.sh"), str(venv.relative_to(ROOT)), sys.executable, "bench"], cwd=ROOT)
    return venv


def draw(results: Path, folder: Path) -> None:
    """The pictures, by matplotlib. Raises StopError."""
    output(
        [
            str(venv() / "bin" / "python"),
            str(Path(__file__).with_name("pictures.py")),
            str(results),
            str(folder),
        ]
    )
