"""A renewal that certbot has made by itself."""

from datetime import timedelta

from testinfra.host import Host

from tests.molecule.certificates import in_file, names, served


def test_the_new_one_is_shown(machine: Host) -> None:
    due, now = in_file(machine, "/root/due.pem"), served(machine, 443)
    assert due.not_valid_after_utc - due.not_valid_before_utc < timedelta(days=21)
    assert now.serial_number != due.serial_number
    assert now == in_file(machine, "/etc/nginx/certificate.pem")


def test_it_has_the_name_that_was_added(machine: Host) -> None:
    assert "api.tasks.example.org" in names(served(machine, 443))
