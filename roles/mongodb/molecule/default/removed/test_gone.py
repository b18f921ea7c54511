"""Nothing of the database is left but the data."""

from testinfra.host import Host

from tests.molecule.requests import listening


def test_nothing_listens_and_the_program_is_gone(machine: Host) -> None:
    assert listening(machine) == set()
    for path in ("/opt/mongodb", "/opt/taskyard/admin", "/etc/mongodb"):
        assert not machine.file(path).exists
    assert machine.run("systemctl cat mongod").rc != 0


def test_the_data_are_there_and_still_nobody_elses(machine: Host) -> None:
    data = machine.file("/var/lib/mongodb")
    assert (data.user, data.mode) == ("mongodb", 0o750)
    assert machine.file("/var/lib/mongodb/WiredTiger").exists
