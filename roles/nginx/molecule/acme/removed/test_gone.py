"""Nothing of the gateway and its certificate is left."""

from testinfra.host import Host


def test_nothing_is_left(machine: Host) -> None:
    assert not machine.service("nginx").is_running
    for path in (
        "/etc/nginx",
        "/etc/letsencrypt/live/taskyard",
        "/etc/letsencrypt/renewal-hooks/deploy/taskyard",
        "/etc/systemd/system/certbot.service.d/taskyard.conf",
        "/var/lib/taskyard-acme",
    ):
        assert not machine.file(path).exists, path
