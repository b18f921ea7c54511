"""How long playbooks/site.yml takes where nothing is to be done, and which of its tasks take the time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.shell import say, stop
from tools.packages import ROOT

# The table of ansible.posix.profile_tasks: "role : Task ---------- 1.23s".
_SLOW = re.compile(r"^(.+?) -+ (\d+\.\d+)s$", re.MULTILINE)
_CHANGED = re.compile(r"^\S+ +: ok=\d+ +changed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run: seconds; how many tasks had something to do; the slowest tasks and their seconds."""

    seconds: float
    changed: int
    slowest: Sequence[tuple[str, float]]

    @classmethod
    def read(cls, seconds: float, said: str) -> Run:
        """What ansible-playbook has printed."""
        slowest = [(name.strip(), float(took)) for name, took in _SLOW.findall(said)]
        return cls(seconds, sum(map(int, _CHANGED.findall(said))), slowest)


def run(env: str) -> Run:
    """Run site.yml on a cluster. Raises StopError."""
    playbook = str(Path(sys.executable).parent / "ansible-playbook")
    began = time.monotonic()
    done = subprocess.run(
        [playbook, "-i", f"inventory/{env}", "playbooks/site.yml"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        stop("site.yml failed:", *done.stdout.strip().splitlines()[-20:])
    return Run.read(time.monotonic() - began, done.stdout)


def converged(env: str, count: int) -> list[Run]:
    """Runs in which nothing was to be done. Raises StopError."""
    say("running site.yml, so that nothing is left to be done")
    run(env)
    found = []
    for number in range(count):
        one = run(env)
        say(f"run {number + 1} of {count} of site.yml: {one.seconds:.0f} s, {one.changed} changes")
        if one.changed:
            stop("site.yml changed something that it had just done")
        found.append(one)
    return found
