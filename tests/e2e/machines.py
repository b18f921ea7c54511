"""The machines of the cluster under test: commands on them, and load on their gateway."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tools.smoke import Cluster, User, sign_up, wait_for_gateway

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "e2e"
INVENTORY = ROOT / "inventory" / ENVIRONMENT
BIN = Path(sys.executable).parent
UNANSWERED = "Server disconnected without sending a response."  # httpx: not a byte of it came


def say(text: str) -> None:
    """Long work shows its progress (pytest runs with --capture=no)."""
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def run(*command: str, timeout: float = 900, is_shown: bool = True) -> str:
    """Run a command of the project, its output returned, and shown: as it comes, or its end if it fails.

    Raises:
        AssertionError: it ended with another status than 0.
    """
    say(f"$ {' '.join(command)}")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        assert process.stdout is not None
        for line in process.stdout:
            if is_shown:
                sys.stdout.write(line)
                sys.stdout.flush()
            lines.append(line)
        status = process.wait()
        timer.cancel()
    if status and not is_shown:
        say("".join(lines[-100:]))
    assert status == 0, f"{' '.join(command)} ended with status {status}"
    return "".join(lines)


def interrupt(told: str, *command: str) -> None:
    """Run a command of the project until it prints this, and press Ctrl-C."""
    say(f"$ {' '.join(command)}  (until: {told})")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            if told in line:
                os.killpg(process.pid, signal.SIGINT)
                break
        else:
            raise AssertionError(f"{' '.join(command)} never said {told}")
        for line in process.stdout:
            sys.stdout.write(line)
    assert process.returncode != 0


def recap(output: str) -> dict[str, dict[str, int]]:
    """Ansible's closing table: {host: {"ok": 12, "changed": 0, …}}."""
    rows = re.findall(r"^(\S+)\s+: (ok=\d+.*)$", output, re.MULTILINE)
    return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", row)} for host, row in rows}


def vagrant(*arguments: str) -> str:
    """Vagrant on this environment's machines, as the README says to type it."""
    settings = [f"TASKYARD_ENV={ENVIRONMENT}", f"VAGRANT_DOTFILE_PATH=.vagrant/envs/{ENVIRONMENT}"]
    return run("env", *settings, "vagrant", *arguments)


def inventory() -> dict[str, Any]:
    """The inventory as Ansible reads it."""
    command = [str(BIN / "ansible-inventory"), "-i", str(INVENTORY), "--list"]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout))


def on(host: str, command: str, *, check: bool = True, stdin: str = "") -> str:
    """Run a shell command as root on a machine, and return what it printed."""
    variables = inventory()["_meta"]["hostvars"][host]
    options = ["-i", str(INVENTORY / ".secrets" / "ssh_key"), "-o", "StrictHostKeyChecking=no"]
    options += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]
    target = f"{variables['ansible_user']}@{variables['ansible_host']}"
    done = subprocess.run(
        ["ssh", *options, target, "sudo", "sh", "-c", f"'{command}'"],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, f"on {host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def stopped(host: str, unit: str) -> Iterator[None]:
    """A systemd unit stopped for a while."""
    on(host, f"systemctl stop {unit}")
    try:
        yield
    finally:
        on(host, f"systemctl start {unit}")


@contextmanager
def signed_in() -> Iterator[User]:
    """Somebody new, signed in at the gateway."""
    with Cluster.from_inventory(ENVIRONMENT).client(timeout=15) as client:
        wait_for_gateway(client)
        yield sign_up(client)


@dataclass
class Failures:
    """Those of one kind: how many, when, who answered them, and what the first one was told."""

    first: str
    told: str
    last: str = ""
    count: int = 0
    instances: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        by = ", ".join(sorted(self.instances)) or "nobody"
        return f"{self.count} from {self.first} to {self.last} by {by}, first {self.told}"


@dataclass
class Load:
    """Requests that several clients send at once, until told to stop."""

    user: User
    clients: int = 1
    failures: dict[str, Failures] = field(default_factory=dict)
    answered: int = 0
    instances: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    enough: threading.Event = field(default_factory=threading.Event)

    def ask(self, method: str, path: str, user: User, **options: Any) -> httpx.Response | None:
        """One request, counted; nothing where it failed."""
        response = error = None
        try:
            response = user.call(method, path, **options)
        except httpx.TransportError as raised:
            error = raised
        with self.lock:
            self.answered += 1
            if response is None or not response.is_success:
                self._failed(f"{method} {path}", response, error)
                return None
            if path == "/tasks":
                self.instances.add(response.headers["x-served-by"])
        return response

    def _failed(self, what: str, response: httpx.Response | None, error: Exception | None) -> None:
        kind = str(response.status_code) if response is not None else type(error).__name__
        if UNANSWERED in str(error):
            kind = UNANSWERED
        now, told = time.strftime("%X"), repr(error) if response is None else response.text[:300]
        failures = self.failures.setdefault(f"{what}: {kind}", Failures(now, told))
        failures.last = now
        failures.count += 1
        if response is not None:
            failures.instances.add(response.headers.get("x-served-by", "the gateway"))

    def lost(self, reloads: int = 0) -> list[str]:
        """What failed, a line for each kind.

        A reload of the gateway closes the connection that each client keeps, and a request may just have been
        sent on it (roles/nginx/README.md: "What a reload costs"): so many are not lost.
        """
        met = {kind: failures for kind, failures in self.failures.items() if kind.endswith(UNANSWERED)}
        is_expected = sum(failures.count for failures in met.values()) <= reloads * self.clients
        return [
            f"{kind}: {failures}"
            for kind, failures in self.failures.items()
            if not (is_expected and kind in met)
        ]

    def lists(self, number: int) -> None:
        """Read the list, add to it every tenth time, and clear it now and then: it has an end."""
        turn = 0
        while not self.enough.wait(0.01):
            turn += 1
            if turn % 1000 == 0:
                self.ask("DELETE", "/tasks", self.user)
            elif turn % 10 == number % 10:
                self.ask("POST", "/tasks", self.user, json={"title": f"{number}.{turn}"})
            else:
                self.ask("GET", "/tasks", self.user)

    def sessions(self) -> None:
        """Ask who it is, and sign in and out now and then: only so many attempts and sessions are allowed."""
        form = {"username": self.user.email, "password": self.user.password}
        turn = 0
        while not self.enough.wait(0.3):
            self.ask("GET", "/auth/me", self.user)
            turn += 1
            if turn % 20 == 1 and (answer := self.ask("POST", "/auth/login", self.user, data=form)):
                self.ask("POST", "/auth/logout", replace(self.user, token=answer.json()["access_token"]))


def under_load(user: User, during: Callable[[], object], clients: int = 6, seconds: float = 3) -> Load:
    """Clients read and write lists, one signs in and out, while something happens and a while after it."""
    load = Load(user, clients + 1)
    with ThreadPoolExecutor(clients + 1) as pool:
        futures = [
            pool.submit(load.sessions),
            *(pool.submit(load.lists, number) for number in range(clients)),
        ]
        try:
            time.sleep(1)
            during()
            time.sleep(seconds)
        finally:
            load.enough.set()
        for future in futures:
            future.result()
    return load
