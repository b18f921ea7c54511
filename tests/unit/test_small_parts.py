from __future__ import annotations

import asyncio
import errno
import select
import socket
import tomllib
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from app.auth.passwords import Passwords
from app.common.health import Health
from app.common.listener import let_nobody_in, take
from app.common.problems import ProblemError
from app.common.systemd import notify
from app.common.version import version
from tools.dev import ports_of
from tools.packages import ROOT


@pytest.mark.anyio
async def test_readiness_tells_required_from_helpful() -> None:
    async def fine() -> None:
        return

    async def broken() -> None:
        raise OSError

    health = Health()
    health.add("mongodb", fine, required=True)
    assert (await health.report())[0] == 200
    health.add("redis", broken, required=False)
    assert await health.report() == (
        200,
        {"status": "degraded", "dependencies": {"mongodb": "ok", "redis": "down"}},
    )
    health.add("mongodb", broken, required=True)
    assert (await health.report())[0] == 503


@pytest.mark.anyio
async def test_too_many_sign_ins_at_once_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.auth.passwords._MAX_WAITING", 2)
    with Passwords() as passwords:
        answers = await asyncio.gather(*(passwords.hash("x") for _ in range(3)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [str, str, ProblemError]
        assert await passwords.verify(await passwords.hash("x"), "x")


@pytest.mark.anyio
async def test_a_password_is_checked_and_nobodys_password_is_never_right() -> None:
    with Passwords() as passwords:
        hashed = await passwords.hash("right")
        assert await passwords.verify(hashed, "right")
        assert not await passwords.verify(hashed, "wrong")
        assert not await passwords.verify(None, "right")
        assert not await passwords.verify("no hash", "right")
        assert not passwords.outdated(hashed)


@pytest.mark.anyio
async def test_nobodys_password_costs_the_same_work_as_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[tuple[int, int, int]] = []
    verify = PasswordHasher.verify

    def measured(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
        told = extract_parameters(password_hash)
        costs.append((told.memory_cost, told.time_cost, told.parallelism))
        return verify(hasher, password_hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", measured)
    with Passwords() as passwords:
        assert not await passwords.verify(await passwords.hash("right"), "wrong")
        assert not await passwords.verify(None, "wrong")
    assert costs == [(19456, 2, 1)] * 2


def test_systemd_is_told_through_an_abstract_socket_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = f"taskyard-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("READY=1")
        assert systemd.recv(100) == b"READY=1"


def test_without_systemd_or_with_a_dead_socket_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify("READY=1")


def test_a_closing_door_lets_nobody_in_and_loses_nobody_who_is_in() -> None:
    with take("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()) as early, socket.socket() as late:
            early.sendall(b"hello")
            if not let_nobody_in(listener):
                pytest.skip("this system does not let this user filter what reaches a socket")
            late.setblocking(False)
            assert late.connect_ex(listener.getsockname()) == errno.EINPROGRESS
            # Without the filter it would be writable at once.
            assert select.select([], [late], [], 0.2) == (
                [],
                [],
                [],
            )
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(10) == b"hello"
                accepted.sendall(b"goodbye")
            assert early.recv(10) == b"goodbye"


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert version() == project["version"]


def test_the_development_server_takes_its_ports_from_the_inventory() -> None:
    ports = ports_of(ROOT / "inventory" / "local" / "hosts.yml", 8000)
    assert (ports.gateway, ports.auth, ports.tasks) == (8000, [8001], [8002, 8003, 8004])
    assert len(set(ports.all())) == len(ports.all())
