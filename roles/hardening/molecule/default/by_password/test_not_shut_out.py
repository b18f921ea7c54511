"""The machine after a run by password: harder to get into, but not for who has begun it."""

from collections.abc import Callable

from testinfra.host import Host

from tests.molecule.ssh_audit import findings


def test_passwords_and_root_come_in_as_before(machine: Host, knock: Callable[..., str]) -> None:
    said = machine.check_output("sshd -T").splitlines()
    assert "passwordauthentication yes" in said
    assert "permitrootlogin yes" in said
    assert "(publickey,password)" in knock("-o PreferredAuthentications=none", "true")


def test_its_algorithms_are_modern_all_the_same(machine: Host) -> None:
    assert findings(machine) == {"fail": set(), "warn": set()}
