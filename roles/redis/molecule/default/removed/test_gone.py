"""Nothing of the cache is left."""

from testinfra.host import Host

from tests.molecule.requests import listening


def test_nothing_listens_and_nothing_is_left(machine: Host) -> None:
    assert listening(machine) == set()
    for package in ("redis-server", "redis-tools"):
        assert not machine.package(package).is_installed
    for folder in ("/etc/redis", "/var/lib/redis", "/var/log/redis"):
        assert not machine.file(folder).exists
    assert not machine.file("/etc/systemd/system/redis-server.service.d").exists
    assert machine.run("systemctl cat redis-server").rc != 0
