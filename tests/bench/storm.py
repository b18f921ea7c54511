"""A login storm: many more people sign in than can be, and what other people's lists take meanwhile."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from urllib.parse import urlencode, urlsplit

import httpx

from tests.bench import measure, open_loop
from tests.bench.measure import Storm
from tests.bench.open_loop import Latencies
from tests.bench.stand import Stand

TIMES = 4  # the capacity
_PEOPLE = 20
_SECONDS = 4
_FLOOD = 150  # sign-ins a second: more than a computer hashes passwords


def storms(stand: Stand, rate: float, count: int) -> list[Storm]:
    """Measure lists at a constant rate without and with a storm, in turn. The product has to be running."""
    sign_ins = [_sign_in(stand.gateway, *each) for each in _accounts(stand.gateway)]
    # The storm is another process, which takes no time from the client that measures.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:

        def ask(rate: float, seconds: float) -> Latencies:
            return elsewhere.submit(open_loop.ask, stand.gateway, sign_ins, rate, seconds).result()

        flood = ask(_FLOOD, _SECONDS)
        capacity = (len(flood.seconds) - flood.failed) / _SECONDS
        found = []
        for _ in range(count):
            quiet = measure.steady(stand, rate, _SECONDS)
            storm = elsewhere.submit(open_loop.ask, stand.gateway, sign_ins, TIMES * capacity, _SECONDS + 3)
            time.sleep(1)
            meanwhile = measure.steady(stand, rate, _SECONDS)
            storm.result()
            found.append(Storm(capacity, TIMES * capacity, quiet, meanwhile))
        return found


def _accounts(url: str) -> list[tuple[str, str]]:
    """New accounts: address and password."""
    made = [(f"storm-{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(18)) for _ in range(_PEOPLE)]
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        for email, password in made:
            client.post("/auth/register", json={"email": email, "password": password}).raise_for_status()
    return made


def _sign_in(url: str, email: str, password: str) -> bytes:
    body = urlencode({"username": email, "password": password})
    head: Sequence[str] = (
        "POST /auth/login HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()
