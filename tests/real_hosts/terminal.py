"""A terminal with a shell, and somebody who types there and answers when a password is asked for."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pexpect

from tests.e2e.machines import say

# The shell says with each prompt how the last command ended.
PROMPT = r"\[ended with (\d+)\] "
PASSWORD_PROMPT = r"(?m)^BECOME password: "
SECONDS = 1200


class Terminal:
    """A shell in a folder. Use as a context manager: what still runs in it ends with it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], password: str) -> None:
        self._password = password
        self._shell: Any = pexpect.spawn(
            "bash",
            ["--noprofile", "--norc", "--noediting", "-i"],
            cwd=str(folder),
            env={**environment, "PS1": "[ended with $?] ", "TERM": "dumb"},
            encoding="utf-8",
            echo=False,
            timeout=SECONDS,
            dimensions=(50, 250),
        )
        self.asked = 0
        """How many times a password was asked for."""
        self.shown = ""
        """All that was printed so far."""
        self._shell.expect(PROMPT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.close(force=True)

    def type(self, command: str) -> str:
        """Type a command, and wait for its end. Returns what it printed.

        Raises:
            AssertionError: it ended with another status than 0.
        """
        status, text = self.attempt(command)
        assert status == 0, f"{command} ended with status {status}"
        return text

    def attempt(self, command: str) -> tuple[int, str]:
        """Type a command: its exit status, and what it printed."""
        self._begin(command)
        _, text = self._converse(PROMPT)
        return int(self._shell.match[1]), text

    def kill_at(self, command: str, moment: str) -> str:
        """Type a command, and kill it when it prints this pattern. Returns what came before."""
        self._begin(command)
        seen, text = self._converse(moment, PROMPT)
        assert seen == 0, f"{command} ended, and {moment} was never printed"
        # The shell has put the command into a process group of its own, and given the terminal to it.
        os.kill(os.tcgetpgrp(self._shell.child_fd), signal.SIGKILL)
        self._shell.expect(PROMPT)
        assert int(self._shell.match[1]) == 128 + signal.SIGKILL
        return text

    def _begin(self, command: str) -> None:
        say(f"$ {command}")
        self._shell.logfile_read = sys.stdout
        self._shell.sendline(command)

    def _converse(self, *ends: str) -> tuple[int, str]:
        """Answer until one of these is printed. Returns which, and what was printed before."""
        text: str = ""
        while (seen := self._shell.expect([*ends, PASSWORD_PROMPT])) == len(ends):
            self.asked += 1
            text += self._shell.before
            self._shell.sendline(self._password)
        text += self._shell.before
        self.shown += text
        return seen, text.replace("\r\n", "\n")
