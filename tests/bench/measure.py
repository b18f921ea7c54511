"""Rounds: every workload once in each, those that are compared one right after the other.

A computer that others use, too, is faster at one moment than at the next: loads are short, rounds are many.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Self

from tests.bench import load, open_loop
from tests.bench.contestants import BARE, DRIVER, MONOLITH, PRODUCT, TUTORIAL, WITHOUT_REDIS, Contestant
from tests.bench.load import Asking, Load
from tests.bench.open_loop import Latencies
from tests.bench.processes import resident_bytes
from tests.bench.stand import Change, Running, Stand, as_it_is
from tools.cluster.shell import say, stop

_WARM_SECONDS = 1
_TRIES = 3
_PROFILE_SECONDS = 3
# py-spy calls a picture by the command that has made it, with the paths of this computer.
_TITLE = re.compile('(<text id="title"[^>]*>)[^<]*')
# How often everybody is asked for, for longer and longer, until all lists are in the cache.
_FILLS = 8
# More lists than are read out of MongoDB in a load.
_READ_ANEW = 5000


def nothing(_: Stand, __: Asking) -> None:
    """No preparation."""


@dataclass(frozen=True)
class Workload:
    """A contestant, who asks it for what, and which answers are meant.

    Attributes:
        meant: how many of the answers are what it is about.
        before: what has to be done before each load.
        gateway: what is done to the gateway's configuration.
    """

    name: str
    contestant: Contestant
    asking: Callable[[Stand], Asking]
    meant: Callable[[Load], int]
    before: Callable[[Stand, Asking], None] = nothing
    gateway: Change = as_it_is


@dataclass(frozen=True)
class Sample:
    """One load. CPU µs a request by part; requests a second; milliseconds; MongoDB's operations a request."""

    cpu: dict[str, float]
    rate: float
    p50_ms: float
    p99_ms: float
    operations: float = 0

    @property
    def total(self) -> float:
        """CPU µs a request of all parts."""
        return sum(self.cpu.values())


@dataclass
class Samples:
    """By the workload's name, one a round."""

    of: dict[str, list[Sample]] = field(default_factory=dict)

    def medians(self, name: str, of: Callable[[Sample], float]) -> float:
        return median(map(of, self.of[name]))

    def costs(self) -> dict[str, dict[str, float]]:
        """CPU µs a request by workload and part, and requests a second: medians."""
        return {
            name: {
                **{part: round(median(one.cpu[part] for one in each), 1) for part in each[0].cpu},
                "rate": round(median(one.rate for one in each)),
            }
            for name, each in self.of.items()
        }

    def ratios(self, one: str, other: str, of: Callable[[Sample], float]) -> list[float]:
        """Of two workloads, in each round."""
        return [of(a) / of(b) for a, b in zip(self.of[one], self.of[other], strict=True)]


def one(stand: Stand) -> Asking:
    return Asking(stand.everybody, "one")


def each(stand: Stand) -> Asking:
    return Asking(stand.everybody, "each")


def zipf(stand: Stand) -> Asking:
    return Asking(stand.everybody, "zipf")


def who_knows(stand: Stand) -> Asking:
    """Somebody who has the list already."""
    return Asking(stand.asking("knows", [f"{stand.users[0].token} {stand.etag(stand.users[0])}"]), "one")


def writers(stand: Stand, number: int = 100) -> Asking:
    """So many people who add one task after the other."""
    users = stand.asking("writers", [user.token for user in stand.writers[:number]])
    return Asking(users, "each", '{"title": "Water the plants", "tags": ["home"]}')


def mixed(stand: Stand) -> Asking:
    """One request of ten adds a task."""
    return replace(writers(stand, len(stand.writers)), order="zipf", every=10)


def everybody_once(stand: Stand, asking: Asking) -> None:
    """Every token has been verified, and every list is in the cache. Raises StopError."""
    seconds, count = _WARM_SECONDS, len(asking.users.read_text().splitlines())
    for _ in range(_FILLS):
        found = load.send(stand.gateway, Asking(asking.users, "each"), seconds)
        if found.requests < count:
            seconds *= 2
        elif not found.misses:
            return
    stop(f"not everybody's list stays in the cache: {found}")


def some(stand: Stand) -> Asking:
    """Those whose lists are read anew."""
    users = stand.users[:_READ_ANEW]
    return Asking(stand.asking("some", [user.token for user in users]), "each")


def not_cached(stand: Stand, _: Asking) -> None:
    stand.forget(stand.users[:_READ_ANEW])


def hits(found: Load) -> int:
    return found.hits


def misses(found: Load) -> int:
    return found.misses


def lists_and_posts(found: Load) -> int:
    return found.hits + found.misses


def answers(found: Load) -> int:
    """Whatever is answered: the floor's answers say what the product's said, and a tutorial says nothing."""
    return found.requests


HIT = Workload("HIT", PRODUCT, one, hits)
FLOOR = Workload("bare ASGI", BARE, one, hits)
OLD_WAY = Workload("tutorial", TUTORIAL, one, answers)
KNOWN = Workload("304", PRODUCT, who_knows, hits)
MANY = Workload("HIT, 10 000 users", PRODUCT, zipf, hits, everybody_once)
MISS = Workload("MISS", PRODUCT, some, misses, not_cached)
QUERY = Workload("driver: find", DRIVER, some, answers)
BYPASS = Workload("BYPASS", WITHOUT_REDIS, some, answers)
POST = Workload("POST", PRODUCT, writers, hits)
INSERT = Workload("driver: insert", DRIVER, writers, hits)
SHARED = Workload("HIT, a hundred users", PRODUCT, each, hits)
MANY_BEFORE = Workload("monolith, 10 000 users", MONOLITH, zipf, answers)
MIXED = Workload("mixed", PRODUCT, mixed, lists_and_posts)
MIXED_BEFORE = Workload("monolith, mixed", MONOLITH, mixed, answers)
# Those that are compared are neighbours.
WORKLOADS = (
    OLD_WAY,
    FLOOR,
    HIT,
    KNOWN,
    MANY,
    MANY_BEFORE,
    MIXED_BEFORE,
    MIXED,
    POST,
    INSERT,
    QUERY,
    MISS,
    BYPASS,
)
# The ways in which a list is answered, which the header X-Cache tells.
WAYS = (HIT, MISS, BYPASS)


def rounds(stand: Stand, count: int, seconds: int, workloads: Sequence[Workload] = WORKLOADS) -> Samples:
    """Measure all workloads in turn, every other round backwards. Raises StopError."""
    samples = Samples({workload.name: [] for workload in workloads})
    with ExitStack() as stack:
        contestants = {workload.contestant for workload in workloads}
        started = {each: stack.enter_context(stand.started(each)) for each in contestants}
        for workload in workloads:
            stand.put(started[workload.contestant], workload.gateway)
            load.send(stand.gateway, workload.asking(stand), _WARM_SECONDS)
        for number in range(count):
            said = []
            for workload in workloads[:: -1 if number % 2 else 1]:
                stand.put(started[workload.contestant], workload.gateway)
                sample = measured(stand, started[workload.contestant], workload, seconds)
                samples.of[workload.name].append(sample)
                said.append(f"{workload.name} {sample.cpu['app']:.0f}")
            say(f"round {number + 1} of {count}, CPU µs a request (app): {', '.join(said)}")
    return samples


def measured(stand: Stand, running: Running, workload: Workload, seconds: int) -> Sample:
    """Put load on a contestant. Raises StopError when its answers are not what the workload is about."""
    asking = workload.asking(stand)
    for _ in range(_TRIES):
        workload.before(stand, asking)
        before, asked = stand.used(running), stand.operations()
        found = load.send(stand.gateway, asking, seconds)
        after, operations = stand.used(running), stand.operations() - asked
        if found.is_about(workload.meant(found)):
            cpu = {name: (after[name] - before[name]) / found.requests * 1e6 for name in after}
            return Sample(cpu, found.rate, found.p50_ms, found.p99_ms, operations / found.requests)
        say(f"{workload.name}: {found}, once more")
    return stop(
        f"{workload.name}: {_TRIES} loads were not answered as they should be; see {running.processes[0].log}"
    )


def scaling(
    stands: Mapping[int, Stand], count: int, seconds: int, workload: Workload = SHARED
) -> dict[int, list[Sample]]:
    """Cached lists from stands with different numbers of instances, in turn. Raises StopError."""
    found: dict[int, list[Sample]] = {instances: [] for instances in stands}
    with ExitStack() as stack:
        started = {
            instances: stack.enter_context(stand.running(workload.contestant))
            for instances, stand in stands.items()
        }
        for stand in stands.values():
            load.send(stand.gateway, workload.asking(stand), _WARM_SECONDS)
        for number in range(count):
            said = []
            for instances in sorted(stands, reverse=number % 2 == 1):
                one = measured(stands[instances], started[instances], workload, seconds)
                found[instances].append(one)
                said.append(f"{one.cpu['app']:.0f} of {instances}")
            say(f"round {number + 1} of {count}, {workload.name}, CPU µs a request (app): {', '.join(said)}")
    return found


def profile(stand: Stand, workload: Workload, py_spy: Path, file: Path) -> None:
    """Draw a flame graph of a contestant under load. Raises StopError."""
    with stand.running(workload.contestant) as running:
        (process,) = running.processes
        asking = workload.asking(stand)
        load.send(stand.gateway, asking, _WARM_SECONDS)
        workload.before(stand, asking)
        command = [str(py_spy), "record", "--pid", str(process.pid), "--output", str(file), "--gil"]
        command += ["--rate", "250", "--duration", str(_PROFILE_SECONDS), "--function"]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as sampler:
            load.send(stand.gateway, asking, _PROFILE_SECONDS + 1)
            said, _ = sampler.communicate()
        if sampler.returncode:
            stop(f"py-spy cannot look at process {process.pid}:", *said.strip().splitlines()[-3:])
        file.write_text(
            _TITLE.sub(rf"\g<1>{workload.name}: who holds the interpreter's lock", file.read_text())
        )


@dataclass(frozen=True)
class Steady:
    """Latency at a constant rate, in milliseconds, and requests that failed."""

    rate: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    failed: int

    @classmethod
    def of(cls, rate: float, found: Latencies) -> Self:
        """What was seen when requests came at this rate."""
        p50, p90, p99, p999 = map(found.percentile, (50, 90, 99, 99.9))
        return cls(rate, p50, p90, p99, p999, found.failed)


def steady(stand: Stand, rate: float, seconds: float) -> Steady:
    """Ask for the lists of a hundred people at a constant rate."""
    lists = open_loop.lists(stand.gateway, [user.token for user in stand.users[:100]])
    open_loop.ask(stand.gateway, lists, rate / 2, 1)
    return Steady.of(rate, open_loop.ask(stand.gateway, lists, rate, seconds))


def way(stand: Stand, workload: Workload, rate: float, seconds: float) -> Steady:
    """Ask for the lists of thousands in one of the ways, each once. Raises StopError."""
    asking = some(stand)
    everybody_once(stand, asking)
    workload.before(stand, asking)
    lists = open_loop.lists(stand.gateway, asking.users.read_text().split())
    meant = f"x-cache: {workload.name}\r\n".encode()
    found = open_loop.ask(stand.gateway, lists, rate, min(seconds, len(lists) / rate), meant)
    return Steady.of(rate, found)


@dataclass(frozen=True)
class Size:
    """Bytes that an instance has in memory: when it is ready, after 100 000 requests, after as many more."""

    at_start: int
    after: int
    later: int


def size(stand: Stand, requests: int) -> Size:
    """Of the product, when everybody asks for their list."""
    with stand.running(PRODUCT) as running:
        (process,) = running.processes
        found = [resident_bytes(process.pid)]
        for _ in range(2):
            answered = 0
            while answered < requests:
                answered += load.send(stand.gateway, zipf(stand), 5).requests
            found.append(resident_bytes(process.pid))
        return Size(*found)


@dataclass(frozen=True)
class Storm:
    """Sign-ins a second that can be, and that were asked for; lists without them and meanwhile."""

    capacity: float
    asked: float
    quiet: Steady
    meanwhile: Steady


@dataclass(frozen=True)
class Results:
    """All that is measured.

    `steady` is by the share of the capacity, `ways` by the outcome, `scaling` by the number of instances,
    `starts` in seconds.
    """

    samples: Samples
    scaling: dict[int, list[Sample]]
    scaling_of_the_floor: dict[int, list[Sample]]
    steady: dict[float, list[Steady]]
    ways: dict[str, list[Steady]]
    storms: list[Storm]
    memory: Size
    starts: list[float]


def starts(stand: Stand, count: int) -> Iterator[float]:
    """Seconds from the start of an instance to its being ready."""
    for _ in range(count):
        began = time.monotonic()
        with stand.started(PRODUCT):
            yield time.monotonic() - began
