"""Measure the product here, beside what users would have otherwise, and write docs/performance.md.

    python -m tests.bench [--rounds 9] [--seconds 1] [--brief] [--check]

Everything runs on this computer as an ordinary user; wrk, which sends the load, has to be installed. With
--brief it takes a minute and writes nothing: for trying a change. --check compares ratios with those of the
last report, and fails if one is much worse.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from tests.bench import measure, report, storm
from tests.bench.contestants import PRODUCT
from tests.bench.measure import HIT, WORKLOADS, Results, Samples, Steady
from tests.bench.rows import Row, comparisons, rows
from tests.bench.stand import TASKS, USERS, Processors, Stand
from tools import servers
from tools.capacity import MEDIANS
from tools.cluster.shell import StopError, say
from tools.debian import require_program
from tools.packages import ROOT, FetchError

RESULTS = ROOT / ".cache" / "bench"
DOCUMENT = ROOT / "docs" / "performance.md"
PICTURES = DOCUMENT.with_suffix("")
_REQUESTS = 100_000
_LOADS = (0.25, 0.5, 0.75, 0.9)  # of the capacity
_STEADY_ROUNDS, _STEADY_SECONDS = 5, 3
_WAY_ROUNDS = 3
_STORMS = 3
_STORM_LOAD = 0.1  # of the capacity: what storm and lists need together is more than there is
_STARTS = 5
_INSTANCES = (1, 3)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often each is measured (default: 9)")
    parser.add_argument("--seconds", type=int, default=1, help="for how long each time (default: 1)")
    parser.add_argument(
        "--brief", action="store_true", help="two rounds of the lists alone; nothing is written"
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with the last report; nothing is written"
    )
    arguments = parser.parse_args()
    try:
        require_program("wrk", "wrk")
        with tempfile.TemporaryDirectory(prefix="taskyard-bench-") as folder:
            found, processors = servers.find(), Processors.share()
            stand = Stand(found, Path(folder) / "one", processors)
            say(f"starting MongoDB, Redis and Nginx, and making {USERS} people with {TASKS} tasks each")
            with stand.open():
                if arguments.brief:
                    return brief(stand, arguments.seconds)
                if arguments.check:
                    return check(stand, arguments.rounds, arguments.seconds)
                return whole(stand, processors, arguments.rounds, arguments.seconds)
    except (StopError, FetchError, servers.ServersError, RuntimeError) as error:
        sys.stderr.write(f"taskyard: {error}\n")
        return 1


def brief(stand: Stand, seconds: int) -> int:
    """The comparison with the floor alone."""
    samples = measure.rounds(stand, 2, seconds, (HIT, measure.FLOOR))
    for name, of in (("requests/s", lambda one: one.rate), ("CPU of the app", lambda one: one.cpu["app"])):
        found = samples.ratios(HIT.name, measure.FLOOR.name, of)
        sys.stdout.write(f"{name}: {', '.join(f'{each:.2f}' for each in found)} of the floor's\n")
    return 0


def check(stand: Stand, count: int, seconds: int) -> int:
    """Is anything much slower, beside what it is compared with, than when the report was made?"""
    before: dict[str, float] = json.loads(MEDIANS.read_text())["rows"]
    worse = 0
    for row in comparisons(measure.rounds(stand, count, seconds, WORKLOADS)):
        if (then := before.get(row.name)) is None:
            said = "new"
        else:
            said = f"{then:.2f} in the report{', now much worse' if row.is_worse_than(then) else ''}"
            worse += row.is_worse_than(then)
        sys.stdout.write(f"{row.name}: {row.value:.2f}, {said}\n")
    return 1 if worse else 0


def whole(stand: Stand, processors: Processors, count: int, seconds: int) -> int:
    """All rows, the report and its pictures."""
    samples = measure.rounds(stand, count, seconds, WORKLOADS)
    capacity = samples.medians(HIT.name, lambda one: one.rate)
    steady: dict[float, list[Steady]] = {share: [] for share in _LOADS}
    with stand.running(PRODUCT):
        for number in range(_STEADY_ROUNDS):
            for share in _LOADS:
                steady[share].append(measure.steady(stand, capacity * share, _STEADY_SECONDS))
            half = steady[0.5][-1]
            shown = f"p50 {half.p50_ms:.2f} ms, p99 {half.p99_ms:.2f} ms"
            say(f"round {number + 1} of {_STEADY_ROUNDS}, {half.rate:.0f} requests/s: {shown}")
        say("letting many more people sign in than can be")
        storms = storm.storms(stand, capacity * _STORM_LOAD, _STORMS)
    ways = by_way(stand, samples)
    say(f"counting what an instance has in memory after {_REQUESTS} requests, and after as many more")
    memory = measure.size(stand, _REQUESTS)
    say("starting an instance a few times")
    starts = list(measure.starts(stand, _STARTS))
    say(f"drawing where the time goes, and measuring {' and '.join(map(str, _INSTANCES))} instances")
    py_spy = report.venv() / "bin" / "py-spy"
    PICTURES.mkdir(exist_ok=True)
    for workload in (HIT, measure.MISS):
        measure.profile(stand, workload, py_spy, PICTURES / f"flames-{workload.name.lower()}.svg")
    with ExitStack() as stack:
        several = {}
        for instances in _INSTANCES:
            folder, users = stand.folder.with_name(f"of-{instances}"), 100
            several[instances] = Stand(
                stand.stack.servers, folder, processors.all, users=users, instances=instances
            )
            stack.enter_context(several[instances].open())
        scaling = measure.scaling(several, count, seconds)
        of_the_floor = measure.scaling(several, count, seconds, measure.FLOOR)
    results = Results(samples, scaling, of_the_floor, steady, ways, storms, memory, starts)
    found = list(rows(results))
    write(results, found, report.conditions(stand, count, seconds))
    sys.stdout.write(f"\n{report.terminal(found)}\n\n")
    say(
        f"written to {DOCUMENT.relative_to(ROOT)}; each sample is in {RESULTS.relative_to(ROOT)}/results.json"
    )
    return 0


def by_way(stand: Stand, samples: Samples) -> dict[str, list[Steady]]:
    """Latency of hits, misses and bypasses at half of what each way can do."""
    found: dict[str, list[Steady]] = {workload.name: [] for workload in measure.WAYS}
    for workload in measure.WAYS:
        rate = samples.medians(workload.name, lambda one: one.rate) / 2
        with stand.running(workload.contestant):
            for _ in range(_WAY_ROUNDS):
                found[workload.name].append(measure.way(stand, workload, rate, _STEADY_SECONDS))
        last = found[workload.name][-1]
        say(f"{workload.name}, {rate:.0f} requests/s: p50 {last.p50_ms:.2f} ms, p99 {last.p99_ms:.2f} ms")
    return found


def write(results: Results, found: Sequence[Row], conditions: Sequence[str]) -> None:
    """results.json, the pictures and the report."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    said = [{**asdict(row), "value": row.value, "is_met": row.is_met} for row in found]
    file = RESULTS / "results.json"
    file.write_text(json.dumps({**asdict(results), "rows": said, "conditions": conditions}, indent=1))
    report.draw(file, PICTURES)
    DOCUMENT.write_text(report.document(results, found, conditions))
    kept = {"conditions": conditions, "rows": report.values(found), "workloads": results.samples.costs()}
    MEDIANS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
