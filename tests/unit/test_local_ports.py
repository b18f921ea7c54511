"""Ports for servers of tests: whoever got one keeps it, also before anything listens there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools import local_stack
from tools.local_stack import free_ports

KEEP_ONE = "from tools.local_stack import free_ports; print(*free_ports(1), flush=True); input()"


def only(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_stack, "_PORT_RANGE", range(port, port + 1))


def test_a_process_gets_a_port_once(monkeypatch: pytest.MonkeyPatch) -> None:
    only(free_ports(1)[0], monkeypatch)
    with pytest.raises(RuntimeError, match="not enough free ports"):
        free_ports(1)


def test_what_another_process_got_is_free_when_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", KEEP_ONE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        port = int(other.stdout.readline())
        only(port, monkeypatch)
        with pytest.raises(RuntimeError, match="not enough free ports"):
            free_ports(1)
        other.communicate("\n", timeout=30)
    assert free_ports(1) == [port]
