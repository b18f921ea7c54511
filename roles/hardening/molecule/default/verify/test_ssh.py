"""Who gets in, and how."""

from collections.abc import Callable

import pytest
from testinfra.host import Host

from tests.molecule.ssh_audit import findings

Knock = Callable[..., str]


def test_ssh_audit_finds_nothing_to_say_against_it(machine: Host) -> None:
    assert findings(machine) == {"fail": set(), "warn": set()}


@pytest.mark.parametrize("user", ["root", "person", "nobody-is-called-so"])
def test_keys_alone_open_it_since_a_run_has_come_in_by_key(knock: Knock, user: str) -> None:
    assert "Permission denied (publickey)." in knock("-o PreferredAuthentications=none", "true", user=user)


def test_a_key_opens_it(knock: Knock) -> None:
    assert "I am in" in knock("echo I am in")


def test_it_leads_nowhere_else(knock: Knock) -> None:
    assert "administratively prohibited" in knock("-W 127.0.0.1:22", "")


def test_an_older_client_is_not_let_in(knock: Knock) -> None:
    assert "no matching key exchange method" in knock("-o KexAlgorithms=curve25519-sha256", "true")


def test_files_can_be_copied(machine: Host, knock: Knock) -> None:
    options = "-o BatchMode=yes -o StrictHostKeyChecking=no -i /root/knock"
    machine.run_expect([0], f"scp {options} /etc/hostname root@127.0.0.1:/root/copied")
    assert machine.file("/root/copied").exists


def test_nobody_else_changes_what_it_reads(machine: Host) -> None:
    for path in ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/10-taskyard.conf"):
        file = machine.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
