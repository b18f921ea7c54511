"""Which provider is taken, what the box is built from, and ending what a killed run left."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tools import debian
from tools.cluster import host
from tools.cluster.inventory import Cluster
from tools.cluster.runs import Runs, group_is_alive, started_at
from tools.cluster.shell import StopError


def test_the_inventory_decides_on_the_provider_before_the_environment_does() -> None:
    environment = {"VAGRANT_DEFAULT_PROVIDER": "virtualbox"}
    assert host.asked_for({"vagrant_provider": "libvirt"}, environment) == "libvirt"
    assert host.asked_for({}, environment) == "virtualbox"
    assert host.asked_for({}, {}) is None


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(StopError, match="virtualbox, libvirt, lxc"):
        host.asked_for({"vagrant_provider": "vmware"}, {})


def test_the_inventory_decides_on_emulation_before_the_computer_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "has_kvm", lambda: True)
    assert host.emulates({"vagrant_driver": "qemu"})
    assert not host.emulates({})
    monkeypatch.setattr(host, "has_kvm", lambda: False)
    assert host.emulates({})
    assert not host.emulates({"vagrant_driver": "kvm"})


def test_emulation_is_not_chosen_where_containers_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: command if command == "virsh" else None)
    monkeypatch.setattr(host, "output", lambda *_, **__: "vagrant-libvirt (0.11.2, system)")
    monkeypatch.setattr(host, "is_debian", lambda: True)
    monkeypatch.setattr(host, "has_kvm", lambda: True)
    assert host.installed() == "libvirt"
    monkeypatch.setattr(host, "has_kvm", lambda: False)
    assert host.installed() is None
    monkeypatch.setattr(host, "is_debian", lambda: False)
    assert host.installed() == "libvirt"


def test_vagrant_without_mmdebstrap_is_told_to_make_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "is_debian", lambda: True)
    monkeypatch.setattr(host, "missing_packages", lambda *_, **__: ["mmdebstrap"])
    with pytest.raises(StopError, match=r"mmdebstrap\n.*make up"):
        host.require("lxc", builds_box=True, may_install=False)


def test_a_computer_that_is_not_debian_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "is_debian", lambda: False)
    with pytest.raises(StopError, match="VirtualBox"):
        host.require("lxc", builds_box=True, may_install=True)


def test_packages_that_only_a_build_needs_are_not_asked_for_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host, "is_there", lambda _: False)
    building = host.missing_packages("libvirt", builds_box=True)
    without = host.missing_packages("libvirt", builds_box=False)
    assert {"mmdebstrap", "grub-pc-bin"} <= set(building) - set(without)
    assert {"qemu-system-x86", "vagrant-libvirt"} <= set(without)


def test_vagrants_own_packages_are_not_mixed_with_debians(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAGRANT_HOME", str(tmp_path))
    monkeypatch.setattr(host, "is_there", lambda sign: sign == "vagrant")
    with pytest.raises(StopError, match="vagrant plugin install vagrant-libvirt"):
        host.missing_packages("libvirt", builds_box=False)
    (tmp_path / "gems" / "3.1.2" / "gems" / "vagrant-libvirt-0.12.2").mkdir(parents=True)
    assert "vagrant-libvirt" not in host.missing_packages("libvirt", builds_box=False)


def test_a_file_and_a_command_are_both_signs_of_a_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tool").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.is_there("tool")
    assert host.is_there(f"{tmp_path}/to*")
    assert not host.is_there("another-tool")
    assert not host.is_there(f"{tmp_path}/another*")


def test_the_box_uses_this_computers_mirrors_but_nobody_elses_packages() -> None:
    targets = (
        "Debian|http://mirror.lan/debian/|bookworm|bookworm|main\n"
        "Debian|http://mirror.lan/security/|bookworm-security|bookworm-security|main\n"
        "Docker|https://download.docker.com/linux/debian/|bookworm|bookworm|stable\n"
        "Debian|http://mirror.lan/debian/|bookworm|bookworm|main\n"
    )
    assert debian.apt_sources(targets, "bookworm").splitlines() == [
        "deb http://mirror.lan/debian/ bookworm main",
        "deb http://mirror.lan/security/ bookworm-security main",
    ]


def test_the_box_has_its_own_release_on_a_newer_computer() -> None:
    targets = "Debian|http://mirror.lan/debian/|trixie-updates|trixie-updates|main\n"
    assert debian.apt_sources(targets, "bookworm") == "deb http://mirror.lan/debian/ bookworm-updates main\n"


def test_without_known_mirrors_the_box_uses_debians_own() -> None:
    assert debian.apt_sources("", "bookworm") == debian.default_sources("bookworm")


def test_the_box_takes_over_proxies_but_not_preferences() -> None:
    dump = (
        'APT::Install-Recommends "0";\n'
        'Acquire::http "";\n'
        'Acquire::http::Proxy "http://proxy.lan:3128";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";\n'
    )
    assert debian.apt_options(dump).splitlines() == [
        'Acquire::http::Proxy "http://proxy.lan:3128";',
        'Acquire::Check-Valid-Until "false";',
    ]


def test_a_second_run_is_refused_while_one_is_going_on(tmp_path: Path) -> None:
    cluster = Cluster(root=tmp_path)
    with Runs(cluster).alone(), pytest.raises(StopError, match="running"), Runs(cluster).alone():
        pass


def test_what_a_killed_run_left_running_is_ended(tmp_path: Path) -> None:
    runs = Runs(Cluster(root=tmp_path))
    runs.cluster.dotfile.mkdir()
    with subprocess.Popen(["sleep", "60"], process_group=0) as orphan:
        runs.children.write_text(json.dumps({"group": orphan.pid, "started": started_at(orphan.pid)}))
        with runs.alone():
            assert orphan.wait(timeout=5) == -signal.SIGTERM
        assert not runs.children.exists()


def test_a_process_that_only_has_the_same_id_is_left_alone(tmp_path: Path) -> None:
    runs = Runs(Cluster(root=tmp_path))
    runs.cluster.dotfile.mkdir()
    with subprocess.Popen(["sleep", "60"], process_group=0) as stranger:
        runs.children.write_text(json.dumps({"group": stranger.pid, "started": "1"}))
        with runs.alone():
            assert group_is_alive(stranger.pid)
        stranger.kill()


def test_a_run_gives_back_the_exit_status_and_leaves_no_note(tmp_path: Path) -> None:
    runs = Runs(Cluster(root=tmp_path))
    with runs.alone():
        assert runs.run(["sh", "-c", "exit 3"], dict(os.environ)) == 3
        assert not runs.children.exists()
    runs.forget()
    assert not (tmp_path / ".vagrant").exists()
