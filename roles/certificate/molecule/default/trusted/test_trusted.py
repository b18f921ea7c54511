"""A certificate after the authority was exchanged."""

from testinfra.host import Host

from tests.molecule.certificates import in_file


def test_it_is_of_the_new_authority_which_the_machine_believes(machine: Host) -> None:
    in_file(machine, "/etc/sample.pem").verify_directly_issued_by(in_file(machine, "/etc/authorities.pem"))
    assert in_file(machine, "/etc/sample.pem") != in_file(machine, "/root/before.pem")
