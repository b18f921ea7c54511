"""A server that runs as a child of this process, and never outlives it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 15

Output = Callable[[str, str], None]


class Process:
    """Starts, stops, kills, pauses and resumes one command. What it says goes to `log`, and to `output`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        output: Output | None = None,
        cwd: Path | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = {**os.environ, **(environment or {})}
        self._cwd = cwd
        self._descriptors = descriptors  # open files that it gets, under the same numbers
        self._output = output
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.pid

    def start(self) -> None:
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._output else log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self._cwd,
                pass_fds=self._descriptors,
                start_new_session=True,  # a Ctrl-C at the terminal is ours to pass on
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads hold locks that this call needs
            )
        if self._output and self._child.stdout:
            lines = self._child.stdout
            threading.Thread(target=self._copy_output, args=(lines, self._output), daemon=True).start()

    def stop(self) -> int:
        """Ask it to end; kill it if it does not. Returns the exit code."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        return self.wait()

    def wait(self, seconds: float = _STOP_SECONDS) -> int:
        """Wait for its end, and kill it when it takes too long. Returns the exit code."""
        if self._child is None:
            return 0
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._child.wait()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def terminate(self) -> None:
        """Ask it to end, without waiting."""
        self._signal(signal.SIGTERM)

    def pause(self) -> None:
        """Return when all of its threads stand still: on a busy computer that takes a moment."""
        self._signal(signal.SIGSTOP)
        if self.running:
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def tail(self, lines: int = 20) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _signal(self, number: int) -> None:
        """To the whole process group: the session was made for this child alone."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _copy_output(self, lines: IO[bytes], output: Output) -> None:
        with self.log.open("ab") as log:
            for line in lines:
                log.write(line)
                log.flush()
                output(self.name, line.decode(errors="replace").rstrip())


def _die_with_parent() -> None:
    # SIGTERM, not SIGKILL: Nginx's master then takes its workers along.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
