"""What a number of people needs, from what requests cost where it was measured.

    python -m tools.capacity [--people 1000000] [--requests 50] [--peak 3] [--writes 0.1] [--hits 0.9] ...

The costs are those of the last `make bench` that was kept (docs/performance/medians.json), the formulas those
of docs/capacity.md, whose table is made by `--write`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from tools.cluster.shell import StopError, stop
from tools.packages import ROOT

MEDIANS = ROOT / "docs" / "performance" / "medians.json"
DOCUMENT = ROOT / "docs" / "capacity.md"
BEGIN, END = "<!-- made by `make capacity` -->\n", "<!-- end of what is made -->\n"
PARTS = ("app", "nginx", "redis", "mongod")
SIZES = (1_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
DAY = 86_400
# What a core of a sign-in costs: argon2id as app/auth/passwords.py has it (about 30 ms), and a signature.
LOGIN_SECONDS = 0.035
# Bytes: a task with its index entries, and a list in Redis with what Redis keeps about it.
TASK_BYTES, LIST_OVERHEAD = 600, 500
# One process of Redis works with one core, and one primary of MongoDB takes all writes of its shard.
PRIMARY_CORES = 16
_KILO = 1000


@dataclass(frozen=True)
class Load:
    """What people do. Shares are of 1.

    Attributes:
        people: how many there are.
        active: the share that comes on a day.
        requests: how many requests one of those sends in that day.
        peak: how much busier the busiest hour is than an even day.
        writes: the share of requests that change something.
        hits: the share of reads that Redis answers.
        logins: how often one of those signs in on that day.
        tasks: how many tasks a person has.
        minutes: for how long a list stays in Redis; it is there once for each who was active in that time.
        list_bytes: how large a list is.
        busy: how much of a core may be used at the peak.
    """

    people: int = 1_000_000
    active: float = 0.2
    requests: float = 50
    peak: float = 4
    writes: float = 0.1
    hits: float = 0.8
    logins: float = 0.2
    tasks: float = 50
    minutes: float = 1
    list_bytes: float = 15_000
    busy: float = 0.5


@dataclass(frozen=True)
class Need:
    """What it takes at the peak: requests a second, cores by part, bytes."""

    rate: float
    logins: float
    cores: Mapping[str, float]
    redis_bytes: float
    mongodb_bytes: float

    @property
    def instances(self) -> int:
        """A task instance is a process, and uses one core."""
        return max(2, math.ceil(self.cores["app"]))

    @property
    def redis_shards(self) -> int:
        return max(1, math.ceil(self.cores["redis"]))

    @property
    def mongodb_shards(self) -> int:
        return max(1, math.ceil(self.cores["mongod"] / PRIMARY_CORES))


Costs = Mapping[str, Mapping[str, float]]


def costs(file: Path = MEDIANS) -> Costs:
    """CPU µs a request by workload and part. Raises StopError."""
    if not file.exists():
        stop(f"there are no costs in {file}", "Measure them: make bench")
    found: Costs = json.loads(file.read_text())["workloads"]
    return found


def per_request(load: Load, of: Costs) -> dict[str, float]:
    """CPU µs of a request of this mixture, by part."""
    shares = {
        "HIT, 10 000 users": (1 - load.writes) * load.hits,
        "MISS": (1 - load.writes) * (1 - load.hits),
        "POST": load.writes,
    }
    return {part: sum(share * of[name][part] for name, share in shares.items()) for part in PARTS}


def need(load: Load, of: Costs) -> Need:
    """What the load takes, where a core is as fast as the one that was measured."""
    visitors = load.people * load.active
    rate = visitors * load.requests / DAY * load.peak
    logins = visitors * load.logins / DAY * load.peak
    cores = {part: rate * cost / 1e6 / load.busy for part, cost in per_request(load, of).items()}
    cores["auth"] = logins * LOGIN_SECONDS / load.busy
    cached = min(visitors, rate * (1 - load.writes) * load.minutes * 60)
    return Need(
        rate,
        logins,
        cores,
        cached * (load.list_bytes + LIST_OVERHEAD),
        load.people * load.tasks * TASK_BYTES,
    )


def table(needs: Sequence[tuple[Load, Need]]) -> Iterator[str]:
    """A line for each load, in Markdown."""
    head = ["people", "requests/s", "sign-ins/s", "task instances", "auth cores", "Nginx cores"]
    head += ["Redis shards", "Redis memory", "MongoDB cores", "MongoDB shards", "MongoDB data"]
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join(['--:'] * len(head))} |"
    for load, found in needs:
        cells = [
            f"{load.people:,}".replace(",", " "),
            number(found.rate),
            number(found.logins),
            number(found.instances),
            *(number(math.ceil(found.cores[part])) for part in ("auth", "nginx")),
            number(found.redis_shards),
            size(found.redis_bytes),
            number(math.ceil(found.cores["mongod"])),
            number(found.mongodb_shards),
            size(found.mongodb_bytes),
        ]
        yield f"| {' | '.join(cells)} |"


def number(value: float) -> str:
    """Two digits that count: more would promise more than an estimate has."""
    rounded = float(f"{value:.2g}")
    return (f"{rounded:,.0f}" if rounded.is_integer() else f"{rounded:g}").replace(",", " ")


def size(count: float) -> str:
    """Bytes in the largest unit of which there are several."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < _KILO or unit == "TB":
            break
        count /= _KILO
    return f"{number(count)} {unit}"


def written(page: str, of: Costs) -> str:
    """The page with the table of the usual sizes. Raises ValueError without the marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{DOCUMENT.name} has lost the marks between which the table belongs")
    loads = [Load(people=people) for people in SIZES]
    lines = "\n".join(table([(load, need(load, of)) for load in loads]))
    return f"{before}{begin}\n{lines}\n\n{end}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = Load()
    for each in fields(Load):
        value = getattr(usual, each.name)
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--write", action="store_true", help=f"write the table of {DOCUMENT.name} anew")
    parser.add_argument("--check", action="store_true", help="say whether it would change")
    arguments = vars(parser.parse_args())
    writes, checks = arguments.pop("write"), arguments.pop("check")
    try:
        found = costs()
    except StopError as error:
        sys.stderr.write(f"taskyard: {error}\n")
        return 1
    if not (writes or checks):
        load = Load(**arguments)
        sys.stdout.write("\n".join([*table([(load, need(load, found))]), ""]))
        return 0
    page = DOCUMENT.read_text()
    wanted = written(page, found)
    if checks and wanted != page:
        sys.stderr.write(f"{DOCUMENT.relative_to(ROOT)} is not what the costs say; mend it: make capacity\n")
        return 1
    DOCUMENT.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
