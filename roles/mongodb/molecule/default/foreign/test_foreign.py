"""Somebody else's mongod is not ours to remove."""

from testinfra.host import Host


def test_it_runs_and_has_its_files(machine: Host) -> None:
    assert machine.service("mongod").is_running
    for folder in ("/etc/mongodb", "/var/lib/mongodb"):
        assert machine.file(folder).is_directory
