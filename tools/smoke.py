"""Walk through a running cluster as an outside client would, and say what it saw.

    python -m tools.smoke [--env local]

It needs nothing but the gateway's address, which the inventory tells. Each step prints a line; the first
that fails ends the walk with what was expected, what came and where to look, and exit status 1.
"""

import argparse
import json
import os
import secrets
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
MISSES = 15
HITS = 150
SIGN_OUT_SECONDS = 5


class SmokeError(Exception):
    """The cluster did not do what it promises."""


@dataclass
class Cluster:
    """What an outside client knows: where the gateway is, and how many task instances should answer."""

    url: str
    task_instances: int
    # The authority that the gateway's certificate is of (PEM), when it is not one that every computer knows.
    authority: str = ""

    def client(self, timeout: float) -> httpx.Client:
        """A client of the gateway, which verifies whom it talks to."""
        trust = ssl.create_default_context(cadata=self.authority or None)
        return httpx.Client(base_url=self.url, timeout=timeout, trust_env=False, verify=trust)

    @classmethod
    def from_inventory(cls, environment: str) -> "Cluster":
        """Ask Ansible, so that addresses and ports keep their one home."""
        question = (
            "{{ {'url': cluster_public_url, 'instances': nginx_upstreams, 'authority': certificate_authority"
            " if nginx_tls and nginx_certificate_source == 'authority' else ''} | to_json }}"
        )
        command = [
            str(Path(sys.executable).parent / "ansible"),
            "-i",
            f"inventory/{environment}",
            "gateway[0]",
        ]
        command += ["--playbook-dir=playbooks", "-m", "ansible.builtin.debug", "-a", f"msg={question}", "-o"]
        # It asks no machine, so it needs no password for sudo.
        asks_nothing = {
            **os.environ,
            "ANSIBLE_BECOME_ASK_PASS": "false",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
        }
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=asks_nothing
        )
        if done.returncode or "=>" not in done.stdout:
            raise SmokeError(
                f"inventory/{environment} has no gateway and task service that could be tried out:\n"
                f"{done.stdout}{done.stderr}"
            )
        answer = json.loads(done.stdout[done.stdout.index("=>") + 2 :])["msg"]
        facts: dict[str, Any] = json.loads(answer) if isinstance(answer, str) else answer
        servers = next(
            upstream["servers"] for upstream in facts["instances"] if upstream["name"] == "task_service"
        )
        return cls(url=facts["url"], task_instances=len(servers), authority=facts["authority"])


@dataclass(frozen=True)
class Report:
    """What the walk saw: who answered ("app1:8002"), and median milliseconds of a list."""

    cluster: Cluster
    instances: list[str]
    hit_ms: float
    miss_ms: float


@dataclass
class User:
    """Somebody who is signed in."""

    client: httpx.Client
    email: str
    password: str = field(repr=False)
    token: str = field(repr=False)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request with the user's token."""
        return self.client.request(method, path, headers={"Authorization": f"Bearer {self.token}"}, **options)


def expect(response: httpx.Response, status: int, **headers: str) -> httpx.Response:
    """The response, if it has this status and these headers (``x_cache="HIT"``)."""
    seen = {name: response.headers.get(name.replace("_", "-")) for name in headers}
    if response.status_code != status or seen != headers:
        raise SmokeError(
            f"{response.request.method} {response.request.url} answered {response.status_code} {seen or ''},"
            f" expected {status} {headers or ''}\n  body: {response.text[:300]}\n"
            f"  request id: {response.headers.get('x-request-id')}, as in: journalctl -u 'taskyard-*'"
        )
    if response.is_error and response.headers.get("content-type") != "application/problem+json":
        raise SmokeError(
            f"{response.request.url} answered {status} without a problem document: {response.text[:300]}"
        )
    return response


@contextmanager
def step(title: str) -> Iterator[list[str]]:
    """Print one line about a step, with what it noted, when it is done."""
    notes: list[str] = []
    started = time.perf_counter()
    yield notes
    milliseconds = (time.perf_counter() - started) * 1000
    print(f"  ok  {title:<62} {milliseconds:5.0f} ms  {', '.join(notes)}".rstrip(), flush=True)


def sign_up(client: httpx.Client) -> User:
    """Register somebody new, and sign them in."""
    email, password = f"smoke-{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(18)
    expect(client.post("/auth/register", json={"email": email, "password": password}), 201)
    return sign_in(client, email, password)


def sign_in(client: httpx.Client, email: str, password: str) -> User:
    """Start a session."""
    tokens = expect(client.post("/auth/login", data={"username": email, "password": password}), 200).json()
    return User(client, email, password, tokens["access_token"])


def list_on_every_instance(user: User, instances: int) -> dict[str, list[dict[str, Any]]]:
    """The user's list as each instance answers it: ``{"app1:8002": [task, …]}``."""
    seen: dict[str, list[dict[str, Any]]] = {}
    for _ in range(instances * 40):
        response = expect(user.call("GET", "/tasks"), 200)
        seen[response.headers["x-served-by"]] = response.json()
        if len(seen) == instances:
            return seen
    raise SmokeError(f"{instances} task instances are in the inventory, only {sorted(seen)} answered")


def wait_for_gateway(client: httpx.Client, seconds: float = 60) -> None:
    """Wait until both services answer through the gateway: after a boot that takes a moment."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            keys, tasks = client.get("/auth/.well-known/jwks.json"), client.get("/tasks")
            if (keys.status_code, tasks.status_code) == (200, 401):
                return
            reason = (
                f"auth answered {keys.status_code} (expected 200), tasks {tasks.status_code} (expected 401)"
            )
        except httpx.TransportError as error:
            reason = str(error)
        if time.monotonic() > deadline:
            raise SmokeError(f"{client.base_url} does not serve: {reason}")
        time.sleep(0.5)


def walk(cluster: Cluster, client: httpx.Client) -> Report:
    """Everything that a user would notice."""
    with step("the gateway answers"):
        wait_for_gateway(client)
    with step("register and sign in"):
        alice, bob = sign_up(client), sign_up(client)
        expect(alice.call("GET", "/auth/me"), 200)
    with step("create a task: 201 and its address") as notes:
        created = expect(alice.call("POST", "/tasks", json={"title": "Water the plants"}), 201)
        task = created.json()
        if created.headers["location"] != task["url"] or not task["url"].startswith(cluster.url):
            raise SmokeError(
                f"the task's address is {task['url']}, expected one that begins with {cluster.url}"
            )
        path = task["url"].removeprefix(cluster.url)
        notes.append(path)
    with step("list twice: MISS, then HIT"):
        see_miss_then_hit(alice, path)
    with step("every task instance takes its turn") as notes:
        instances = sorted(list_on_every_instance(alice, cluster.task_instances))
        notes.extend(instances)
    with step("a change is seen on every instance at once"):
        expect(alice.call("PATCH", path, json={"completed": True}), 200)
        for instance, tasks in list_on_every_instance(alice, cluster.task_instances).items():
            if [item["completed"] for item in tasks] != [True]:
                raise SmokeError(f"{instance} served an old list: {tasks}")
    with step("the documentation page, and what it describes") as notes:
        expect(client.get("/docs"), 200)
        notes.append(f"{len(expect(client.get('/docs/openapi.json'), 200).json()['paths'])} paths")
    with step("a wrong token: 401"):
        expect(client.get("/tasks", headers={"Authorization": "Bearer wrong"}), 401)
    with step("somebody else's task: 404"):
        expect(bob.call("GET", path), 404)
        expect(bob.call("PATCH", path, json={"title": "mine"}), 404)
        expect(bob.call("DELETE", path), 404)
    with step("malformed and oversized bodies, an unknown path: 4xx problems"):
        expect(alice.call("POST", "/tasks", json={"titel": "?"}), 422)
        expect(alice.call("POST", "/tasks", json={"title": "x", "description": "x" * 2_000_000}), 413)
        expect(client.get("/nothing/here"), 404)
    with step("a list from RAM against one from MongoDB") as notes:
        hit, miss = time_lists(alice)
        notes.append(f"median HIT {hit:.2f} ms, MISS {miss:.2f} ms")
    with step("clear the list"):
        expect(alice.call("DELETE", "/tasks"), 204)
        if (
            list(list_on_every_instance(alice, cluster.task_instances).values())
            != [[]] * cluster.task_instances
        ):
            raise SmokeError("the list is not empty after DELETE /tasks")
    with step("sign out: refused on every instance") as notes:
        notes.append(f"after {sign_out(alice, cluster.task_instances) * 1000:.0f} ms")
    with step("delete the accounts, and their tasks with them"):
        again = sign_in(client, alice.email, alice.password)
        for user in (again, bob):
            expect(user.call("DELETE", "/auth/me"), 204)
            expect(user.call("GET", "/auth/me"), 401)
    return Report(cluster, instances, hit, miss)


def sign_out(user: User, instances: int) -> float:
    """End the user's session. Returns the seconds until every task instance refused its token."""
    expect(user.call("POST", "/auth/logout"), 204)
    began, refused = time.monotonic(), set[str]()
    while len(refused) < instances:
        if time.monotonic() - began > SIGN_OUT_SECONDS:
            raise SmokeError(
                f"{SIGN_OUT_SECONDS} s after signing out, only {sorted(refused)} refuse the token"
            )
        answer = user.call("GET", "/tasks")
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            refused.add(answer.headers["x-served-by"])
    return time.monotonic() - began


def see_miss_then_hit(user: User, path: str) -> None:
    """The first list after a write comes from MongoDB, the second from Redis.

    A BYPASS means that Redis did not answer in time, as it may on a busy computer: it is tried again.
    """
    for _ in range(5):
        expect(user.call("PATCH", path, json={"order": 1}), 200)
        seen = [expect(user.call("GET", "/tasks"), 200).headers["x-cache"] for _ in range(2)]
        if seen == ["MISS", "HIT"]:
            return
        if "BYPASS" not in seen:
            break
        time.sleep(1)
    raise SmokeError(f"two lists after a write came as {seen}, expected MISS, then HIT")


def time_lists(user: User) -> tuple[float, float]:
    """Median milliseconds of a list of 20 tasks through the gateway: (HIT, MISS)."""
    for number in range(19):
        expect(user.call("POST", "/tasks", json={"title": f"Task {number}", "tags": ["smoke"]}), 201)
    times: dict[str, list[float]] = {"HIT": [], "MISS": [], "BYPASS": []}
    first = (
        expect(user.call("GET", "/tasks"), 200)
        .json()[0]["url"]
        .removeprefix(str(user.client.base_url).rstrip("/"))
    )
    for number in range(MISSES):
        expect(user.call("PATCH", first, json={"order": number}), 200)
        for _ in range(1 + HITS // MISSES):
            started = time.perf_counter()
            response = expect(user.call("GET", "/tasks"), 200)
            times[response.headers["x-cache"]].append((time.perf_counter() - started) * 1000)
    if not times["HIT"] or not times["MISS"]:
        raise SmokeError(f"lists came without Redis ({len(times['BYPASS'])} BYPASS): is it running?")
    return statistics.median(times["HIT"]), statistics.median(times["MISS"])


def try_out(environment: str) -> Report | None:
    """Walk through an environment's cluster. Returns None when it fails; the reason is printed."""
    try:
        cluster = Cluster.from_inventory(environment)
        print(f"Smoke test of {cluster.url}")
        with cluster.client(timeout=10) as client:
            report = walk(cluster, client)
    except (SmokeError, httpx.TransportError) as error:
        print(f"  FAILED  {error}", file=sys.stderr)
        print(
            f"  next: see what is in the way, or what the services say:\n{advice(environment)}",
            file=sys.stderr,
        )
        return None
    print("The cluster does what it promises.")
    return report


def advice(environment: str) -> str:
    """Where to look, for machines of every kind."""
    inventory = f"-i inventory/{environment}"
    journals = "--become -a 'journalctl -n 30 --no-pager -u taskyard-*'"
    return (
        f"    .venv/bin/ansible-playbook {inventory} playbooks/preflight.yml\n"
        f"    .venv/bin/ansible {inventory} auth_service:task_service {journals}"
    )


def main() -> int:
    """Run the walk; 0 when the cluster keeps its promises."""
    parser = argparse.ArgumentParser(description="Walk through a running cluster as an outside client would.")
    parser.add_argument("--env", default="local", help="the inventory's folder (default: local)")
    return 0 if try_out(parser.parse_args().env) else 1


if __name__ == "__main__":
    sys.exit(main())
