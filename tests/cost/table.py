"""docs/cost-of-security.md, made from what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from tests.bench.measure import Sample
from tests.cost.variants import DELIVERED, NGINX, REDIS, TASKS, Variant

Samples = dict[Variant, list[Sample]]
PARTS = (NGINX, TASKS, REDIS)
HEAD = """\
# What security costs

What TLS and the sandbox cost where it matters most: a cached list (`GET /tasks`, `X-Cache: HIT`) of a
running cluster. Made by `make cost` (`tests/cost`), which measures the cluster of `make up` as it is and
without some of what protects it, and puts it back.

"""
NOTES = """
Each ratio compares with the delivered cluster in the same round: the median of the rounds, and in
parentheses the least and the most. A ratio whose rounds lie on both sides of 1 says that the difference is
smaller than the noise. Other work on the same computer disturbs all of it: processors' caches are cold, and
fewer requests share a question to Redis. Measure on a computer that has nothing else to do.

CPU is what the servers' own processes have used (`/proc/<pid>/stat`, user and system), so it does not count
the time for which they waited; what the kernel does for a packet outside of any process is not in it, nor
is the client, nor what the servers use when nobody asks. Requests and latency are those of a client that
asks as fast as it is answered, on the same processors as the cluster. They compare with each other only,
and contain the client's own TLS, which on clients' computers costs you nothing. Connections stay, as
browsers' do: a handshake is not in these numbers. MongoDB is not asked for a cached list, so its TLS is not
in them either. Every variant starts its servers anew and lifts the gateway's limits for the client alone,
and lets the instances wait for Redis for up to a second, so that a busy computer makes no MISS of a HIT. At
least 99 of 100 answers were hits, and each process was seen to be in its sandbox, or in none.
"""


def ratio(samples: Samples, variant: Variant, of: Callable[[Sample], float]) -> str:
    """A variant in comparison with the delivered cluster: median of the rounds, least and most."""
    pairs = zip(samples[variant], samples[DELIVERED], strict=True)
    each = [of(one) / of(delivered) for one, delivered in pairs]
    return f"{median(each):.2f} ({min(each):.2f}-{max(each):.2f})"


def cost_table(samples: Samples) -> Iterator[str]:
    """A row for each variant: CPU µs a request of each part and of all, with the ratio."""
    names = [part.name for part in PARTS]
    yield from head("CPU µs a request", *names, "together", "ratio")
    for variant, rounds in samples.items():
        parts = [f"{median(one.cpu[name] for one in rounds):.0f}" for name in names]
        together = f"{median(one.total for one in rounds):.0f}"
        yield row(variant.name, *parts, together, ratio(samples, variant, lambda one: one.total))


def client_table(samples: Samples) -> Iterator[str]:
    """A row for each variant: requests a second and latency as the client sees them, with their ratios."""
    yield from head("seen by a client", "requests/s", "ratio", "p50 ms", "ratio", "p99 ms", "ratio")
    measures: list[tuple[Callable[[Sample], float], int]]
    measures = [(lambda one: one.rate, 0), (lambda one: one.p50_ms, 1), (lambda one: one.p99_ms, 1)]
    for variant, rounds in samples.items():
        cells = [
            (f"{median(map(of, rounds)):.{digits}f}", ratio(samples, variant, of)) for of, digits in measures
        ]
        yield row(variant.name, *(word for cell in cells for word in cell))


def head(*cells: str) -> Iterator[str]:
    """The first lines of a table."""
    yield row(*cells)
    yield row("---", *(["--:"] * (len(cells) - 1)))


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"


def document(samples: Samples, conditions: list[str]) -> str:
    """The whole page."""
    rows = "\n".join([*cost_table(samples), "", *client_table(samples)])
    return HEAD + rows + "\n" + NOTES + "\n" + "\n".join(f"- {each}" for each in conditions) + "\n"
