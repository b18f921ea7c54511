"""A certificate that was renewed."""

from testinfra.host import Host

from tests.molecule.certificates import in_file, served


def test_it_is_shown_by_the_same_process(machine: Host) -> None:
    assert in_file(machine, "/etc/mongodb/certificate.pem") != in_file(machine, "/root/certificate.pem")
    assert served(machine, 27017) == in_file(machine, "/etc/mongodb/certificate.pem")
    process = machine.check_output("pidof mongod")
    assert process == machine.file("/root/process").content_string.strip()
