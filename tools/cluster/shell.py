"""Running commands: streamed or captured, and as root where root is needed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn


class Stop(Exception):
    """Nothing more can be done; the message says what to type."""


def say(text: str) -> None:
    print(f"taskyard: {text}", flush=True)


def stop(*lines: str) -> NoReturn:
    raise Stop("\n  ".join(lines))


def as_root(command: Sequence[str]) -> list[str]:
    """The command itself for root; through sudo for everybody else."""
    if os.getuid() == 0:
        return list(command)
    if shutil.which("sudo") is None:
        stop("this needs root, and sudo is not installed. As root, type:", shlex.join(command))
    return ["sudo", *command]


def run(command: Sequence[str], *, root: bool = False, env: Mapping[str, str] | None = None) -> None:
    """Runs with its output on the screen; stops when it fails. The child keeps locks that were made inheritable."""
    words = as_root(command) if root else list(command)
    sys.stdout.flush()
    result = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, close_fds=False, check=False)
    if result.returncode != 0:
        stop(f"this failed (exit {result.returncode}):", shlex.join(words))


def output(command: Sequence[str], *, root: bool = False, check: bool = True) -> str:
    """What the command prints. A command that fails or is not there stops, or gives '' with check=False."""
    words = as_root(command) if root else list(command)
    try:
        result = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        if check:
            stop(f"{words[0]} is not installed")
        return ""
    if result.returncode != 0:
        if check:
            stop(f"this failed (exit {result.returncode}):", shlex.join(words), *result.stderr.strip().splitlines())
        return ""
    return result.stdout


def succeeds(command: Sequence[str], *, root: bool = False) -> bool:
    words = as_root(command) if root else list(command)
    try:
        return subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        return False
