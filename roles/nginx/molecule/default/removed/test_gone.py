"""Nothing of the gateway is left."""

from testinfra.host import Host

from tests.molecule.requests import listening


def test_nothing_listens_and_nothing_is_left(machine: Host) -> None:
    assert listening(machine) == set()
    assert not machine.package("nginx-light").is_installed
    assert not machine.file("/etc/nginx").exists
    assert not machine.file("/var/log/nginx").exists
    assert machine.run("systemctl cat nginx").rc != 0
