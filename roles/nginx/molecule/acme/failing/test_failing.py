"""A renewal that failed."""

from testinfra.host import Host

from tests.molecule.certificates import in_file, served


def test_the_gateway_goes_on_with_what_it_has(machine: Host) -> None:
    assert machine.service("nginx").is_running
    assert served(machine, 443) == in_file(machine, "/root/due.pem")


def test_systemd_says_that_it_failed(machine: Host) -> None:
    assert machine.check_output("systemctl show --property=Result --value certbot") != "success"
