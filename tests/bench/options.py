"""What is each option of the gateway, the server and the drivers worth? Writes docs/performance-options.md.

    python -m tests.bench.options [--rounds 5]

As `make bench`: everything on this computer, as an ordinary user; wrk has to be installed. Each option is
measured right beside the way that is usual here.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.bench import measure, otherwise, report
from tests.bench.contestants import Contestant, Environment
from tests.bench.measure import FLOOR, HIT, MISS, POST, Samples, Workload
from tests.bench.stand import Change, Processors, Stand, as_it_is
from tools import servers
from tools.cluster.shell import StopError, say
from tools.debian import require_program
from tools.local_stack import LocalStack
from tools.packages import ROOT, FetchError

DOCUMENT = ROOT / "docs" / "performance-options.md"
_SECONDS = 1
_HEAD = """\
# What options are worth

What could be otherwise in the gateway, the server and the drivers, each measured right beside the way that is
usual here, as [performance.md](performance.md) measures. Made by `make bench-options`
(`tests/bench/options.py`). Above 1, the other way gets through more requests, or costs more.
"""
_NOTES = """\

Ratios are medians (least to most) of the rounds' ratios; a few hundredths are what two rounds of the same
differ by, too. Each comparison is with what the first column names before the colon.

Two options are not measured, as they would break what is promised: reading from MongoDB's *secondaries*,
which may not have the write yet that was acknowledged ([decision 3](decisions/0003-cache.md)), and several
processes behind one port, as the gateway watches each instance by its own.
"""


@dataclass(frozen=True)
class Option:
    """Another way than the usual one, and what is done about it, by what was found."""

    usual: Workload
    other: Workload
    said: str


def option(
    usual: Workload,
    name: str,
    said: str,
    *,
    gateway: Change = as_it_is,
    environment: Callable[[LocalStack, Environment], Environment] | None = None,
    without: str = "",
) -> Option:
    """A workload, but for the gateway's configuration, the instance's environment, or one of its ways."""
    contestant = usual.contestant
    if environment is not None or without:

        def told(stack: LocalStack, port: int) -> Environment:
            before = usual.contestant.environment(stack, port)
            more = environment(stack, before) if environment else {}
            return {**before, **more, "BENCH_WITHOUT": without}

        module = otherwise.__name__ if without else contestant.module
        contestant = Contestant(f"{contestant.name}, {name}", module, told)
    whole = f"{usual.name}: {name}"
    other = replace(usual, name=whole, contestant=contestant, gateway=gateway)
    return Option(replace(usual, name=f"{whole}, beside"), other, said)


def changed(pattern: str, to: str) -> Change:
    """Replace what the gateway's configuration has to have."""

    def change(text: str) -> str:
        new, count = re.subn(pattern, to, text)
        if not count:
            raise RuntimeError(f"the gateway's configuration has nothing like {pattern}")
        return new

    return change


def uri(more: str) -> Callable[[LocalStack, Environment], Environment]:
    """Options of MongoDB's URI."""

    def told(_: LocalStack, before: Environment) -> Environment:
        old = before["TASKYARD_TASKS_MONGODB_URI"]
        return {"TASKYARD_TASKS_MONGODB_URI": f"{old}{'&' if '?' in old else '?'}{more}"}

    return told


def options(folder: Path) -> Iterator[Option]:
    """All that are measured. `folder` is for local sockets."""

    def server(text: str) -> Callable[[LocalStack, Environment], Environment]:
        return lambda _, __: {"BENCH_SERVER": text}

    a_new_one = changed(r"\n *keepalive \d+;\n *keepalive_timeout 60s;", "")
    yield option(HIT, "a connection for each request", "kept alive", gateway=a_new_one)
    yield option(
        FLOOR,
        "a local socket to the instance",
        "TCP: instances are on other machines than the gateway, and have the ports that they are known by",
        gateway=changed(r"server 127\.0\.0\.1:(\d+)", rf"server unix:{folder}/\1.socket"),
        environment=lambda _, __: {"BENCH_SOCKETS": str(folder)},
    )
    yield option(
        HIT,
        "`proxy_buffering off`",
        "buffered: a slow client must not keep an instance",
        gateway=changed(r"proxy_buffer_size 32k;", "proxy_buffer_size 32k; proxy_buffering off;"),
    )
    yield option(
        HIT,
        "`proxy_buffer_size` as Nginx has it",
        "32k: a page's Link header needs it",
        gateway=changed(r"proxy_buffer_size 32k;\n *proxy_buffers 8 32k;", ""),
    )
    yield option(
        HIT,
        "`reuseport`",
        "one socket: with one for each worker, those behind a busy worker wait",
        gateway=changed(r"backlog=4096", "backlog=4096 reuseport"),
    )
    yield option(
        HIT,
        "no access log at the gateway",
        "logged: who asked what is the first thing that is wanted on a bad day",
        gateway=changed(r"access_log [^;]+;", "access_log off;"),
    )
    yield option(FLOOR, "asyncio's loop", "uvloop", environment=server('{"loop": "asyncio"}'))
    yield option(FLOOR, "h11 as the parser", "httptools", environment=server('{"http": "h11"}'))
    yield option(HIT, "questions to Redis one by one", "gathered", without=otherwise.gathering.__name__)
    yield option(MISS, "the framework's JSON", "orjson", without=otherwise.orjson.__name__)
    yield option(
        MISS, "10 connections to MongoDB", "as many as the driver wants", environment=uri("maxPoolSize=10")
    )
    yield option(
        MISS,
        "no second try of a read",
        "tried again: a primary that leaves is no error",
        environment=uri("retryReads=false"),
    )
    yield option(
        POST,
        "10 threads for the driver",
        "40: where a write waits for other members, which it does not here, ten wait for each other",
        environment=lambda _, __: {"MOTOR_MAX_WORKERS": "10"},
    )


def rows(found: Sequence[Option], samples: Samples) -> Iterator[list[str]]:
    """What came of each."""
    for each in found:
        said = []
        for of in (lambda one: one.rate, lambda one: one.cpu["app"], lambda one: one.total):
            values = samples.ratios(each.other.name, each.usual.name, of)
            said.append(f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
        yield [each.other.name, *said, each.said]


def main() -> int:
    """Measure, print and write; 0 when it could be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (default: 5)")
    count: int = parser.parse_args().rounds
    try:
        require_program("wrk", "wrk")
        with tempfile.TemporaryDirectory(prefix="taskyard-bench-") as folder:
            stand = Stand(servers.find(), Path(folder) / "one", Processors.share())
            found = [*options(stand.folder)]
            say(f"starting everything, for {len(found)} options")
            with stand.open():
                pairs = [workload for each in found for workload in (each.usual, each.other)]
                samples = measure.rounds(stand, count, _SECONDS, pairs)
                conditions = report.conditions(stand, count, _SECONDS)
    except (StopError, FetchError, servers.ServersError, RuntimeError) as error:
        sys.stderr.write(f"taskyard: {error}\n")
        return 1
    head = ["the usual way: another", "requests/s", "CPU of the app", "CPU of all parts", "what is done"]
    lines = [*rows(found, samples)]
    DOCUMENT.write_text(
        "\n".join([_HEAD, *report.table(head, lines), _NOTES, *(f"- {each}" for each in conditions), ""])
    )
    sys.stdout.write("".join(f"{name}: {rate} requests/s, {cpu} CPU\n" for name, rate, cpu, *_ in lines))
    say(f"written to {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
