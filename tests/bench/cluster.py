"""Measure the running cluster, and write docs/performance-cluster.md.

    python -m tests.bench.cluster [--env local] [--rounds 3]

Lists through the gateway with TLS, as delivered but for the limit on one client's requests, which is as it
was afterwards; then site.yml where nothing is to be done.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx

from tests.bench import open_loop, playbook, report
from tests.bench.computer import client, processor
from tests.bench.measure import Sample, Steady
from tests.bench.playbook import Run
from tests.bench.rows import Row
from tests.cost import load
from tests.cost.bench import Bench, restored, versions
from tests.cost.measure import idle, sample, somebody
from tests.cost.variants import DELIVERED
from tools import smoke
from tools.cluster.inventory import Cluster
from tools.cluster.shell import StopError, say
from tools.debian import require_program
from tools.packages import ROOT

DOCUMENT = ROOT / "docs" / "performance-cluster.md"
_LOADS = (0.25, 0.5, 0.75)  # of the capacity
_SECONDS = 5
_RUNS = 3
_SHOWN = 15
_HEAD = """\
# Performance of a cluster

The running machines of `make up`, asked from outside through the gateway with TLS. Made by
`make bench-cluster` (`tests/bench/cluster.py`); what one instance costs beside what users would have
otherwise is in [performance.md](performance.md).

"""
_NOTES = """\
Where the time of `site.yml` goes, and what was tried: [decision 11](decisions/0011-looking-first.md). What is
left is mostly the controller's: a process for each task and machine, and the templates of its arguments. It
takes longer with more machines, and less where the controller has more processors.
"""


@dataclass(frozen=True)
class Measured:
    """All that is measured. `steady` is by the share of the capacity."""

    lists: Sequence[Sample]
    steady: dict[float, list[Steady]]
    runs: Sequence[Run]


def lists(bench: Bench, rounds: int) -> tuple[list[Sample], dict[float, list[Steady]], int]:
    """Cached lists as fast as they come, then at constant rates; and how large one is. Raises StopError."""
    with somebody(bench) as (account, size), restored(bench):
        say("seeing what the servers use when nobody asks")
        unasked, samples = idle(bench), []
        for number in range(rounds):
            one = sample(bench, DELIVERED, account, unasked)
            samples.append(one)
            say(f"{number + 1} of {rounds}: {one.total:.0f} CPU µs a list, {one.rate:.0f}/s")
        capacity = sorted(each.rate for each in samples)[rounds // 2]
        with bench.gateway.client(15) as asking:
            user = smoke.sign_in(asking, account.email, account.password)
            steady: dict[float, list[Steady]] = {share: [] for share in _LOADS}
            for _ in range(rounds):
                for share in _LOADS:
                    steady[share].append(at_rate(bench, user.token, capacity * share))
    return samples, steady, size


def at_rate(bench: Bench, token: str, rate: float) -> Steady:
    """One person's list at a constant rate."""
    url = bench.gateway.url
    found = Steady.of(rate, open_loop.ask(url, open_loop.lists(url, [token]), rate, _SECONDS))
    bench.go_on()
    say(f"{rate:.0f} requests/s: p50 {found.p50_ms:.2f} ms, p99 {found.p99_ms:.2f} ms")
    return found


def rows(found: Measured) -> Iterator[Row]:
    """What has a target."""
    halves = [each.p99_ms / each.p50_ms for each in found.steady[0.5]]
    yield Row("p99 at half the capacity, constant rate", "p50", 5, halves, is_ceiling=True)
    seconds = [each.seconds for each in found.runs]
    yield Row("site.yml where nothing is to be done", "", 40, seconds, is_ceiling=True, unit="s")


def document(found: Measured, conditions: Sequence[str]) -> str:
    """The whole page."""
    parts = list(found.lists[0].cpu)
    costs = [
        [f"{number + 1}", *(f"{one.cpu[part]:.0f}" for part in parts), f"{one.rate:.0f}", f"{one.p99_ms:.1f}"]
        for number, one in enumerate(found.lists)
    ]
    fastest = min(found.runs, key=lambda each: each.seconds)
    slow = [[name, f"{seconds:.2f}"] for name, seconds in fastest.slowest[:_SHOWN]]
    return _HEAD + "\n".join(
        [
            *report.table(report.COLUMNS, [each.cells() for each in rows(found)]),
            "",
            *report.table(
                ["round", *(f"{part}, CPU µs a list" for part in parts), "lists/s", "p99 ms"], costs
            ),
            "",
            *report.by_load(found.steady),
            "",
            "The slowest tasks of site.yml where nothing is to be done:",
            "",
            *report.table(["task", "seconds"], slow),
            "",
            _NOTES,
            *(f"- {each}" for each in conditions),
            "",
        ]
    )


def main() -> int:
    """Measure, print and write; 0 when it could be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="local", help="the inventory's folder (default: local)")
    parser.add_argument("--rounds", type=int, default=3, help="how often lists are measured (default: 3)")
    options = parser.parse_args()
    try:
        require_program("wrk", "wrk")
        bench = Bench(Cluster(options.env), smoke.Cluster.from_inventory(options.env))
        samples, steady, size = lists(bench, options.rounds)
        found = Measured(samples, steady, playbook.converged(options.env, _RUNS))
        conditions = [
            f"Computer: {processor()}; all machines of the cluster and the client are on it.",
            f"Versions: {', '.join(versions(bench))}, {client()}.",
            f"Load: {load.CONNECTIONS} connections that stay, {load.SECONDS} s each time.",
            f"A list of {load.TASKS} tasks, {size} bytes.",
            f"{len(bench.cluster.hosts())} machines, {bench.gateway.task_instances} task instances.",
        ]
    except KeyboardInterrupt:
        sys.stderr.write("taskyard: ended; the cluster is as it was\n")
        return 130
    except (StopError, smoke.SmokeError, httpx.TransportError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"taskyard: {error}\n")
        return 1
    DOCUMENT.write_text(document(found, conditions), encoding="utf-8")
    sys.stdout.write(f"\n{report.terminal(list(rows(found)))}\n\n")
    say(f"written to {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
