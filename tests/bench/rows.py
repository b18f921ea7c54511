"""What is compared with what, the targets, and whether they are met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.measure import (
    FLOOR,
    HIT,
    INSERT,
    KNOWN,
    MANY,
    MANY_BEFORE,
    MISS,
    MIXED,
    MIXED_BEFORE,
    OLD_WAY,
    POST,
    QUERY,
    Results,
    Sample,
    Samples,
    Workload,
)
from tests.bench.storm import TIMES

MEGABYTE = 1024 * 1024
# Ratios carry over from one computer to another, but not to the last digit.
_NOISE = 1.5


@dataclass(frozen=True)
class Row:
    """A line of the report. `target` is a bound: at least, or at most when `is_ceiling`."""

    what: str
    against: str
    target: float
    values: Sequence[float]
    is_ceiling: bool = False
    unit: str = "times"

    @property
    def name(self) -> str:
        return f"{self.what} / {self.against}" if self.against else self.what

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def is_met(self) -> bool:
        return self.value <= self.target if self.is_ceiling else self.value >= self.target

    def is_worse_than(self, before: float) -> bool:
        """Whether it differs from an earlier report's value by more than computers and days do."""
        one, other = (before, self.value) if self.is_ceiling else (self.value, before)
        return one * _NOISE < other

    def cells(self) -> list[str]:
        """What, against what, target, median (least to most), verdict."""
        digits = 0 if self.value >= 100 else 2
        spread = f"{min(self.values):.{digits}f} to {max(self.values):.{digits}f}"
        shown = f"{self.value:.{digits}f} {self.unit}" + (f" ({spread})" if len(self.values) > 1 else "")
        sign = "≤" if self.is_ceiling else "≥"
        return [
            self.what,
            self.against,
            f"{sign} {self.target:g} {self.unit}",
            shown,
            "met" if self.is_met else "NOT met",
        ]


def rate(sample: Sample) -> float:
    return sample.rate


def app(sample: Sample) -> float:
    return sample.cpu["app"]


def data_path(sample: Sample) -> float:
    """CPU of the instance and of what holds the data, the cache included."""
    return sample.cpu["app"] + sample.cpu["mongod"] + sample.cpu["redis"]


def comparisons(samples: Samples) -> Iterator[Row]:
    """The rows of one workload against another."""

    def ratio(one: Workload, other: Workload, of: Callable[[Sample], float]) -> list[float]:
        return samples.ratios(one.name, other.name, of)

    floor, old = "bare ASGI with the same bytes", "the tutorial's version"
    yield Row("HIT, requests/s", floor, 0.80, ratio(HIT, FLOOR, rate))
    yield Row("HIT, CPU of the app", floor, 1.3, ratio(HIT, FLOOR, app), is_ceiling=True)
    yield Row("HIT, requests/s", old, 9, ratio(HIT, OLD_WAY, rate))
    yield Row("HIT of 10 000 people (Zipf), requests/s", "HIT of one", 0.8, ratio(MANY, HIT, rate))
    yield Row("304, requests/s", "HIT", 1.0, ratio(KNOWN, HIT, rate))
    yield Row("MISS, CPU of the app", "driver: find", 1.25, ratio(MISS, QUERY, app), is_ceiling=True)
    yield Row("MISS, CPU of app, Redis and MongoDB", "HIT", 8, ratio(MISS, HIT, data_path))
    yield Row("POST, requests/s", "driver: insert", 0.75, ratio(POST, INSERT, rate))
    alone = "the monolith without a cache"
    yield Row("lists of 10 000 people, requests/s", alone, 1, ratio(MANY, MANY_BEFORE, rate))
    yield Row("mixed, requests/s", alone, 1, ratio(MIXED, MIXED_BEFORE, rate))


def rows(results: Results) -> Iterator[Row]:
    """All that `make bench` measures."""
    yield from comparisons(results.samples)
    even = [one.p99_ms / one.p50_ms for one in results.steady[0.5]]
    yield Row("p99 at half the capacity, constant rate", "p50", 5, even, is_ceiling=True)
    storm = [one.meanwhile.p99_ms / one.quiet.p99_ms for one in results.storms]
    yield Row(
        f"p99 of lists in a login storm of {TIMES} times the capacity", "quiet", 2, storm, is_ceiling=True
    )
    few, many = (results.scaling[count] for count in (min(results.scaling), max(results.scaling)))
    costs = [app(a) / app(b) for a, b in zip(many, few, strict=True)]
    yield Row(f"{max(results.scaling)} instances, CPU of the app", "one", 1.1, costs, is_ceiling=True)
    memory = results.memory
    after, more = [memory.after / MEGABYTE], [memory.later / memory.after]
    yield Row("memory after 100 000 requests", "", 80, after, is_ceiling=True, unit="MiB")
    yield Row("memory after as many more", "after the first", 1.05, more, is_ceiling=True)
    yield Row("start to ready", "", 1.5, results.starts, is_ceiling=True, unit="s")
