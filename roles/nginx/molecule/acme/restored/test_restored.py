"""The next renewal after one that failed."""

from testinfra.host import Host

from tests.molecule.certificates import in_file, served


def test_it_makes_good_what_was_missed(machine: Host) -> None:
    assert served(machine, 443) != in_file(machine, "/root/due.pem")
    assert served(machine, 443) == in_file(machine, "/etc/nginx/certificate.pem")
