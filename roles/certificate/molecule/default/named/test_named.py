"""A certificate for other names than before."""

from testinfra.host import Host

from tests.molecule.certificates import in_file, names


def test_it_was_made_anew_for_the_key_that_was_there(machine: Host) -> None:
    before, now = (in_file(machine, path) for path in ("/root/before.pem", "/etc/sample.pem"))
    assert names(now) == {"another.example"}
    assert now.public_key() == before.public_key()
