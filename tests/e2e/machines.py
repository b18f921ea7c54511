"""The machines of the cluster under test: commands on them, and load on their gateway."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tools.smoke import Cluster, User, sign_up, wait_for_gateway

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "e2e"
INVENTORY = ROOT / "inventory" / ENVIRONMENT
BIN = Path(sys.executable).parent


def say(text: str) -> None:
    """Long work shows its progress (pytest runs with --capture=no)."""
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


def run(*command: str, timeout: float = 900) -> str:
    """Run a command of the project, its output shown as it comes and returned.

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
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
        status = process.wait()
        timer.cancel()
    assert status == 0, f"{' '.join(command)} ended with status {status}"
    return "".join(lines)


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


def on(host: str, command: str, *, check: bool = True) -> str:
    """Run a shell command as root on a machine, and return what it printed."""
    variables = inventory()["_meta"]["hostvars"][host]
    options = ["-i", str(INVENTORY / ".secrets" / "ssh_key"), "-o", "StrictHostKeyChecking=no"]
    options += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]
    target = f"{variables['ansible_user']}@{variables['ansible_host']}"
    done = subprocess.run(
        ["ssh", *options, target, "sudo", "sh", "-c", f"'{command}'"],
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
class Load:
    """Requests that several clients send at once, until told to stop."""

    failures: list[str] = field(default_factory=list)
    answered: int = 0
    instances: set[str] = field(default_factory=set)


def under_load(user: User, during: Callable[[], object], clients: int = 6, seconds: float = 3) -> Load:
    """Read and write lists from several clients while something happens, and for some seconds after it."""
    load, lock, enough = Load(), threading.Lock(), threading.Event()

    def client(number: int) -> None:
        for turn in range(100_000):
            if enough.is_set():
                return
            write = turn % 10 == number % 10
            try:
                if write:
                    response = user.call("POST", "/tasks", json={"title": f"{number}.{turn}"})
                else:
                    response = user.call("GET", "/tasks")
                failure = "" if response.is_success else f"{response.status_code} {response.text[:200]}"
            except httpx.TransportError as error:
                failure = repr(error)
            with lock:
                load.answered += 1
                if failure:
                    load.failures.append(f"{'POST' if write else 'GET'}: {failure}")
                else:
                    load.instances.add(response.headers["x-served-by"])
            time.sleep(0.01)

    with ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(client, number) for number in range(clients)]
        try:
            time.sleep(1)
            during()
            time.sleep(seconds)
        finally:
            enough.set()
        for future in futures:
            future.result()
    return load
