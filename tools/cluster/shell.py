"""Running commands: streamed or captured, and as root where root is needed."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn


class StopError(Exception):
    """Nothing more can be done; the message says why and what to type."""


def say(text: str) -> None:
    print(f"taskyard: {text}", flush=True)


def stop(*lines: str) -> NoReturn:
    raise StopError("\n  ".join(lines))


def as_root(command: Sequence[str]) -> list[str]:
    """The command itself for root; through sudo for everybody else."""
    if os.getuid() == 0:
        return list(command)
    if shutil.which("sudo") is None:
        stop("this needs root, and sudo is not installed. As root, type:", shlex.join(command))
    return ["sudo", *command]


def run(
    command: Sequence[str],
    *,
    root: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run with its output on the screen; stop when it fails. The child keeps locks made inheritable."""
    words = as_root(command) if root else list(command)
    sys.stdout.flush()
    result = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, close_fds=False, check=False, cwd=cwd)
    if result.returncode != 0:
        stop(f"this failed (exit {result.returncode}):", shlex.join(words))


def output(
    command: Sequence[str],
    *,
    root: bool = False,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """What the command prints. One that fails or is not there stops, or gives "" with ``check=False``."""
    words = as_root(command) if root else list(command)
    try:
        result = subprocess.run(
            words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, env=env, cwd=cwd
        )
    except FileNotFoundError:
        if check:
            stop(f"{words[0]} is not installed")
        return ""
    if result.returncode != 0:
        if check:
            stop(
                f"this failed (exit {result.returncode}):",
                shlex.join(words),
                *result.stderr.strip().splitlines(),
            )
        return ""
    return result.stdout


def succeeds(command: Sequence[str], *, root: bool = False) -> bool:
    words = as_root(command) if root else list(command)
    try:
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
