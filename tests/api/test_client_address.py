"""Whose request is it? The gateway and the services see the real client, whatever the client says."""

from __future__ import annotations

import json
import secrets
from collections import Counter

import httpx
import pytest

from tests.api.conftest import eventually
from tests.conftest import LOAD_BALANCER
from tools.local_stack import LocalStack


def asking_from(address: str, url: str) -> httpx.Client:
    """Make a client at another of this computer's addresses (all of 127.0.0.0/8 are its own)."""
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(base_url=url, transport=transport, timeout=20)


def client_in_log(stack: LocalStack, identity: str) -> str:
    """What the task service's log has for this request."""
    found: list[str] = []

    def written() -> bool:
        lines = [line for process in stack.tasks for line in process.log.read_text().splitlines()]
        found.extend(json.loads(line)["client"] for line in lines if identity in line and '"client"' in line)
        return bool(found)

    eventually(written)
    return found[0]


@pytest.mark.parametrize(
    ("address", "said", "client"),
    [
        pytest.param("127.0.0.2", None, "127.0.0.2", id="nothing said"),
        pytest.param("127.0.0.2", "203.0.113.7", "127.0.0.2", id="a lie"),
        pytest.param("127.0.0.2", LOAD_BALANCER, "127.0.0.2", id="a lie about the load balancer"),
        pytest.param(LOAD_BALANCER, "203.0.113.7", "203.0.113.7", id="the load balancer"),
        pytest.param(LOAD_BALANCER, "198.51.100.1, 203.0.113.7", "203.0.113.7", id="a lie before it"),
        pytest.param(LOAD_BALANCER, "2001:db8::7", "2001:db8::7", id="IPv6"),
        pytest.param(LOAD_BALANCER, "nonsense", LOAD_BALANCER, id="nonsense"),
    ],
)
def test_the_client_is_who_connects_or_whom_our_own_load_balancer_names(
    stack: LocalStack, address: str, said: str | None, client: str
) -> None:
    headers = {"X-Request-ID": secrets.token_hex(8)}
    if said:
        headers |= {"X-Forwarded-For": said, "X-Real-IP": said, "Forwarded": f"for={said}"}
    with asking_from(address, stack.gateway_url) as asking:
        assert asking.get("/tasks", headers=headers).status_code == 401
    assert client_in_log(stack, headers["X-Request-ID"]) == client


def test_a_service_believes_nobody_but_the_gateway(stack: LocalStack) -> None:
    headers = {"X-Request-ID": secrets.token_hex(8), "X-Forwarded-For": "203.0.113.7"}
    with asking_from("127.0.0.3", stack.task_urls[0]) as asking:
        assert asking.get("/tasks", headers=headers).status_code == 401
    assert client_in_log(stack, headers["X-Request-ID"]) == "127.0.0.3"


def test_passwords_cannot_be_tried_without_end_from_one_address(stack: LocalStack) -> None:
    path = "/auth/me"  # cheaper than signing in, and limited with it
    with (
        asking_from("127.0.0.4", stack.gateway_url) as guessing,
        asking_from("127.0.0.5", stack.gateway_url) as other,
    ):
        seen: Counter[int] = Counter()
        while seen[429] == 0:
            # Pretending to be somebody else does not help.
            answer = guessing.get(path, headers={"X-Forwarded-For": f"203.0.113.{seen.total() % 250}"})
            seen[answer.status_code] += 1
            assert seen.total() < 5000, seen
        assert seen[401] >= 60  # the burst
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["status"] == 429
        assert other.get(path).status_code == 401
        assert guessing.get("/tasks").status_code == 401  # reached: only what is guarded is closed
        eventually(lambda: guessing.get(path).status_code == 401)
