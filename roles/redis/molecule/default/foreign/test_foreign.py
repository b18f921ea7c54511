"""Somebody else's Redis is not ours to remove."""

from testinfra.host import Host


def test_it_runs_and_has_its_files(machine: Host) -> None:
    assert machine.service("redis-server").is_running
    for path in ("/etc/redis/redis.conf", "/var/lib/redis"):
        assert machine.file(path).exists
