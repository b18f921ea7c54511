"""What is in the way of a role is found, and what is to be done about it is said."""

import importlib.util
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tools.packages import ROOT

PLACE = ROOT / "roles" / "preflight" / "library" / "machine_requirements.py"


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("machine_requirements", PLACE)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def need(role: str = "nginx", **what: Any) -> dict[str, Any]:
    """What a role needs, as Ansible fills it up."""
    return {"role": role, "memory_mib": 0, "disk_mib": {}, "ports": {}} | what


def test_a_machine_that_has_everything_has_no_problem(module: ModuleType, tmp_path: Path) -> None:
    little = need(memory_mib=1, disk_mib={str(tmp_path / "not" / "made" / "yet"): 1})
    assert list(module.check_memory([little])) == []
    assert list(module.check_disk([little])) == []
    assert list(module.check_cpu([])) == []
    assert list(module.check_clock(time.time(), 60)) == []
    assert list(module.check_hosts_file({"nobody.example": "192.0.2.1"})) == []


def test_too_little_memory_and_disk_are_said_in_mebibytes(module: ModuleType, tmp_path: Path) -> None:
    much = need(memory_mib=2**40, disk_mib={str(tmp_path / "data"): 2**40})
    (memory,) = module.check_memory([much])
    assert f"{2**40} MiB are needed" in memory["problem"]
    (disk,) = module.check_disk([much])
    assert str(tmp_path / "data") in disk["problem"]
    assert str(tmp_path) in disk["remedy"]


def test_what_is_enough_for_each_role_alone_is_compared_with_the_sum(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "memory_mib", lambda: 100)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=100 * 2**20))
    needs = [
        need("mongodb", memory_mib=60, disk_mib={str(tmp_path / "data"): 60}),
        need("redis", memory_mib=60, disk_mib={str(tmp_path / "cache"): 60}),
    ]
    for one in needs:
        assert [*module.check_memory([one]), *module.check_disk([one])] == []
    (memory,) = module.check_memory(needs)
    assert memory["problem"] == "It has 100 MiB of memory; 120 MiB are needed (mongodb 60, redis 60)."
    (disk,) = module.check_disk(needs)
    assert disk["problem"] == (
        f"The disk of {tmp_path / 'data'}, {tmp_path / 'cache'} has 100 MiB of free space; "
        "120 MiB are needed (mongodb 60, redis 60)."
    )


def test_a_port_that_two_roles_want_is_told_while_nobody_listens_yet(module: ModuleType) -> None:
    needs = [
        need("nginx", ports={"1": "nginx.service"}),
        need("auth", ports={"1": "taskyard-auth@1.service"}),
    ]
    (found,) = module.check_ports(needs)
    assert found["problem"] == "Port 1 is given to nginx.service and taskyard-auth@1.service."
    assert list(module.check_ports([needs[0], needs[0]])) == []


def test_a_processor_without_a_feature_is_told_by_its_name(module: ModuleType) -> None:
    (found,) = module.check_cpu(["no_such_feature"])
    assert "no_such_feature" in found["problem"]


@pytest.mark.parametrize(("offset", "word"), [(-300, "ahead of"), (300, "behind")])
def test_a_clock_that_is_wrong_is_told_with_its_direction(module: ModuleType, offset: int, word: str) -> None:
    (found,) = module.check_clock(time.time() + offset, 60)
    assert f"300 s {word}" in found["problem"]
    assert list(module.check_clock(0, 60)) == []


def test_a_port_that_another_program_has_is_told_with_its_name(module: ModuleType, port: int) -> None:
    (found,) = module.check_ports([need(ports={str(port): "nginx.service"})])
    assert f"Port {port} is taken by" in found["problem"]
    assert "nginx.service shall listen there" in found["problem"]


def test_a_port_that_nobody_has_or_the_unit_itself_is_none(
    module: ModuleType, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = dict.fromkeys(module.listening_sockets()[port], ("nginx.service", "nginx"))
    monkeypatch.setattr(module, "owners", lambda: held)
    assert list(module.check_ports([need(ports={str(port): "nginx.service"})])) == []
    assert list(module.check_ports([need(ports={"1": "nginx.service"})])) == []


def test_a_line_in_etc_hosts_that_says_otherwise_is_told(module: ModuleType) -> None:
    (found,) = module.check_hosts_file({"localhost": "192.0.2.1"})
    assert "localhost is 127.0.0.1" in found["problem"]
