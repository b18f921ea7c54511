"""What is in the way of a role is found, and what is to be done about it is said."""

import importlib.util
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

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


def test_a_machine_that_has_everything_has_no_problem(module: ModuleType, tmp_path: Path) -> None:
    assert list(module.check_memory(1)) == []
    assert list(module.check_disk({str(tmp_path / "not" / "made" / "yet"): 1})) == []
    assert list(module.check_cpu([])) == []
    assert list(module.check_clock(time.time(), 60)) == []
    assert list(module.check_hosts_file({"nobody.example": "192.0.2.1"})) == []


def test_too_little_memory_and_disk_are_said_in_mebibytes(module: ModuleType, tmp_path: Path) -> None:
    (memory,) = module.check_memory(2**40)
    assert f"{2**40} MiB are needed" in memory["problem"]
    (disk,) = module.check_disk({str(tmp_path / "data"): 2**40})
    assert str(tmp_path / "data") in disk["problem"]
    assert str(tmp_path) in disk["remedy"]


def test_a_processor_without_a_feature_is_told_by_its_name(module: ModuleType) -> None:
    (found,) = module.check_cpu(["no_such_feature"])
    assert "no_such_feature" in found["problem"]


@pytest.mark.parametrize(("offset", "word"), [(-300, "ahead of"), (300, "behind")])
def test_a_clock_that_is_wrong_is_told_with_its_direction(module: ModuleType, offset: int, word: str) -> None:
    (found,) = module.check_clock(time.time() + offset, 60)
    assert f"300 s {word}" in found["problem"]
    assert list(module.check_clock(0, 60)) == []


def test_a_port_that_another_program_has_is_told_with_its_name(module: ModuleType, port: int) -> None:
    (found,) = module.check_ports({str(port): "nginx.service"})
    assert f"Port {port} is taken by" in found["problem"]
    assert "nginx.service shall listen there" in found["problem"]


def test_a_port_that_nobody_has_or_the_unit_itself_is_none(
    module: ModuleType, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = dict.fromkeys(module.listening_sockets()[port], ("nginx.service", "nginx"))
    monkeypatch.setattr(module, "owners", lambda: held)
    assert list(module.check_ports({str(port): "nginx.service"})) == []
    assert list(module.check_ports({"1": "nginx.service"})) == []


def test_a_line_in_etc_hosts_that_says_otherwise_is_told(module: ModuleType) -> None:
    (found,) = module.check_hosts_file({"localhost": "192.0.2.1"})
    assert "localhost is 127.0.0.1" in found["problem"]
