"""Somebody else's Nginx is not ours to remove."""

from testinfra.host import Host


def test_it_runs_and_has_its_files(machine: Host) -> None:
    assert machine.service("nginx").is_running
    for path in ("/etc/nginx/nginx.conf", "/var/log/nginx"):
        assert machine.file(path).exists
