"""What the machine does by itself, and what it does not."""

import re

import pytest
from testinfra.host import Host

from tests.molecule.requests import listening


def test_security_updates_come_by_themselves_and_no_others(machine: Host) -> None:
    said = machine.run("unattended-upgrade --dry-run --debug").stdout
    release = machine.check_output(". /etc/os-release && echo $VERSION_CODENAME")
    allowed = next(line for line in said.splitlines() if line.startswith("Allowed origins are:"))
    assert allowed.partition(": ")[2] == f"origin=Debian,codename={release}-security,label=Debian-Security"
    assert machine.service("apt-daily-upgrade.timer").is_enabled
    settings = machine.check_output("apt-config dump")
    assert 'APT::Periodic::Unattended-Upgrade "1";' in settings
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in settings


def test_a_container_leaves_the_clock_to_its_host(machine: Host) -> None:
    assert machine.run("systemd-detect-virt --container").rc == 0
    assert not machine.package("chrony").is_installed
    assert listening(machine) == set()


def test_the_journal_is_bounded(machine: Host) -> None:
    machine.run_expect([0], "logger it is written && journalctl --sync")
    assert "it is written" in machine.check_output("journalctl --lines=50")
    said = machine.check_output("journalctl --unit=systemd-journald --output=cat")
    assert re.search(r"^System Journal .*, max 64(\.0)?M,", said, re.MULTILINE), said


def test_nobody_leaves_a_core_dump(machine: Host) -> None:
    assert machine.check_output("systemctl show --property=DefaultLimitCORE --value") == "0"
    look = "grep core /proc/self/limits > /tmp/limits"
    machine.run_expect([0], "systemd-run --quiet --wait --collect sh -c %s", look)
    assert machine.file("/tmp/limits").content_string.split()[4:6] == ["0", "0"]


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/etc/cron.daily", 0o700),
        ("/etc/shadow", 0o640),
        ("/etc/passwd", 0o644),
        ("/home/person", 0o750),
        ("/root", 0o700),
    ],
)
def test_files_are_for_those_who_need_them(machine: Host, path: str, mode: int) -> None:
    assert machine.file(path).mode == mode


@pytest.mark.parametrize(
    ("name", "shell"),
    [
        ("person", "/bin/bash"),
        ("nobody-comes", "/usr/sbin/nologin"),
        ("deployer", "/bin/bash"),  # somebody has a key to it
        ("kept", "/bin/bash"),
        ("root", "/bin/bash"),
    ],
)
def test_an_account_without_a_way_in_has_no_shell(machine: Host, name: str, shell: str) -> None:
    assert machine.user(name).shell == shell


def test_what_a_person_makes_is_not_for_all_to_read(machine: Host) -> None:
    assert "\nUMASK\t\t027\n" in machine.file("/etc/login.defs").content_string
    machine.run_expect([0], "useradd --create-home newcomer")
    assert machine.file("/home/newcomer").mode & 0o007 == 0
    machine.run_expect([0], "userdel --remove newcomer")


def test_what_the_kernel_is_told_is_what_this_machine_may_tell_it(machine: Host) -> None:
    told = machine.file("/etc/sysctl.d/99-taskyard.conf").content_string.splitlines()
    pairs = [line.split(" = ") for line in told if " = " in line]
    for key, value in pairs:
        assert key.startswith("net."), "a container has the kernel of its host"
        assert machine.check_output("cat /proc/sys/%s", key.replace(".", "/")) == value
