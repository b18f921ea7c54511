"""One `up` or `down` at a time for a cluster, and an end to what a killed one left running."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.cluster.inventory import Cluster
from tools.cluster.shell import say, stop


def stat(pid: int | str) -> list[str]:
    """A process's state, parent, process group and so on (proc(5), /proc/pid/stat from its 3rd field)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def started_at(pid: int) -> str | None:
    """Start in ticks since boot (the 22nd field): tells a process from a later one with its id."""
    fields = stat(pid)
    return fields[19] if fields else None


def group_is_alive(group: int) -> bool:
    """Whether a process of the group is there that is more than a zombie."""
    processes = (stat(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return any(fields[2] == str(group) and fields[0] != "Z" for fields in processes if fields)


def end_group(group: int) -> None:
    """Ask the processes to end; make them, after five seconds."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(group, kind)
        deadline = time.monotonic() + 5
        while group_is_alive(group) and time.monotonic() < deadline:
            time.sleep(0.1)


class Runs:
    """The notes of a cluster's runs, beside Vagrant's own in the dotfile folder."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.children = cluster.dotfile / "running.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.cluster.dotfile.mkdir(parents=True, exist_ok=True)
        with (self.cluster.dotfile / "run.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stop(f"another `make up` or `make down` of '{self.cluster.env}' is running: wait for it")
            self.end_orphans()
            yield

    def end_orphans(self) -> None:
        """Ends the Vagrant of a run that was killed itself: it would go on in the background."""
        try:
            note = json.loads(self.children.read_text())
        except (OSError, ValueError):
            return
        group, leader_started = int(note["group"]), note["started"]
        if group_is_alive(group) and started_at(group) in (None, leader_started):
            say("an earlier run was interrupted: ending what it left running")
            end_group(group)
        self.children.unlink(missing_ok=True)

    def run(self, command: Sequence[str], env: dict[str, str]) -> int:
        """Runs in a process group of its own, which a later run can recognise and end; passes Ctrl-C on."""
        sys.stdout.flush()
        process = subprocess.Popen(
            command, cwd=self.cluster.root, env=env, stdin=subprocess.DEVNULL, process_group=0
        )
        self.children.write_text(json.dumps({"group": process.pid, "started": started_at(process.pid)}))

        def pass_on(number: int, _: object) -> None:
            if process.poll() is None:
                os.killpg(process.pid, number)

        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            return process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.children.unlink(missing_ok=True)

    def forget(self) -> None:
        """After the last machine: the notes and their folders, where nothing else is in them."""
        (self.cluster.dotfile / "run.lock").unlink(missing_ok=True)
        top = self.cluster.root / ".vagrant"
        for folder in (self.cluster.dotfile, *self.cluster.dotfile.parents):
            if folder.is_relative_to(top) and folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
