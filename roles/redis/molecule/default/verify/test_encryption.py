"""Nothing is said in the clear, and who listens proves who it is."""

from testinfra.host import Host

from tests.molecule.certificates import in_file, names, served, spoken

FILE, AUTHORITIES, PORT = "/etc/redis/certificate.pem", "/etc/redis/authorities.pem", 6379


def test_its_certificate_is_of_the_authority_and_for_its_names(machine: Host) -> None:
    shown = served(machine, PORT, AUTHORITIES)
    shown.verify_directly_issued_by(in_file(machine, AUTHORITIES))
    hostname, address = (machine.check_output(each).split()[0] for each in ("hostname", "hostname -I"))
    assert names(shown) == {"localhost", "127.0.0.1", hostname, address}


def test_it_speaks_what_is_safe_and_nothing_older(machine: Host) -> None:
    assert spoken(machine, PORT) == {"TLSv1_2", "TLSv1_3"}


def test_its_key_can_be_read_by_it_and_root_alone(machine: Host) -> None:
    file = machine.file(FILE)
    assert (file.user, file.group, file.mode) == ("root", "redis", 0o640)
