"""Rounds of all variants: load on each of them, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.measure import Sample
from tests.cost import load
from tests.cost.bench import Bench, restored
from tests.cost.variants import DELIVERED, VARIANTS, Variant
from tools import smoke
from tools.cluster.shell import say, stop

IDLE_SECONDS = 10


def idle(bench: Bench) -> dict[str, float]:
    """CPU seconds a second of each part by its name, when nobody asks. Raises StopError."""
    began, before = time.monotonic(), bench.look(DELIVERED)
    time.sleep(IDLE_SECONDS)
    after, seconds = bench.look(DELIVERED), time.monotonic() - began
    return {name: (after[name] - before[name]) / seconds for name in after}


def sample(bench: Bench, variant: Variant, account: smoke.User, unasked: dict[str, float]) -> Sample:
    """Bring the cluster to a variant, and put load on it.

    Args:
        bench: the cluster.
        variant: what it lacks.
        account: whose list is asked for.
        unasked: CPU seconds a second that each part uses without a request, which do not count.

    Raises:
        StopError: it could not be measured.
        KeyboardInterrupt: somebody has asked to end.
    """
    bench.switch(variant)
    url = bench.url(variant)
    with smoke.Cluster(url, bench.gateway.task_instances, bench.gateway.authority).client(15) as client:
        smoke.wait_for_gateway(client)
        user = smoke.sign_in(client, account.email, account.password)
        load.wait_for_hits(user, bench.gateway.task_instances)
        load.send(url, user.token, load.WARM_SECONDS)
        for _ in range(load.TRIES):
            load.wait_for_hits(user, bench.gateway.task_instances)
            began, before = time.monotonic(), bench.look(variant)
            found = load.send(url, user.token)
            after, seconds = bench.look(variant), time.monotonic() - began
            bench.go_on()
            if found.is_about(found.hits):
                used = {name: after[name] - before[name] - unasked[name] * seconds for name in after}
                cpu = {name: each / found.requests * 1e6 for name, each in used.items()}
                return Sample(cpu, found.rate, found.p50_ms, found.p99_ms)
            say(f"{found.hits} hits of {found.requests} requests, {found.errors} failed: once more")
    return stop(
        f"{variant.name}, {load.TRIES} loads were not answered from the cache.",
        "When this computer is less busy, type it again:",
        bench.cluster.command("cost"),
    )


@contextmanager
def somebody(bench: Bench) -> Iterator[tuple[smoke.User, int]]:
    """Somebody with a list, and its size in bytes; gone afterwards."""
    with bench.gateway.client(15) as client:
        smoke.wait_for_gateway(client)
        account = smoke.sign_up(client)
        try:
            yield account, load.make_list(account)
        finally:
            smoke.wait_for_gateway(client)
            user = smoke.sign_in(client, account.email, account.password)
            smoke.expect(user.call("DELETE", "/auth/me"), 204)


def rounds(bench: Bench, count: int) -> tuple[dict[Variant, list[Sample]], int]:
    """Measure all variants in turn, each round beginning with another one.

    Returns:
        The samples, one a round, and the size of the list in bytes.

    Raises:
        StopError, SmokeError: something on the cluster is not as it should be.
    """
    samples: dict[Variant, list[Sample]] = {variant: [] for variant in VARIANTS}
    with somebody(bench) as (account, size), restored(bench):
        say("seeing what the servers use when nobody asks")
        unasked = idle(bench)
        for number in range(count):
            first = number % len(VARIANTS)
            for variant in (*VARIANTS[first:], *VARIANTS[:first]):
                one = sample(bench, variant, account, unasked)
                samples[variant].append(one)
                micros = ", ".join(f"{name} {cpu:.0f}" for name, cpu in one.cpu.items())
                say(f"{number + 1} of {count}, {variant.name}: {micros} CPU µs a request, {one.rate:.0f}/s")
    return samples, size
