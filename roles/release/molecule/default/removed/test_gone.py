"""Nothing of the releases is left."""

from testinfra.host import Host


def test_nothing_is_left(machine: Host) -> None:
    assert not machine.file("/opt/taskyard").exists
