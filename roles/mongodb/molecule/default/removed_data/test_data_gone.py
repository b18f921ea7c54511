"""The data are gone, too, once that was asked for."""

from testinfra.host import Host


def test_neither_data_nor_their_owner_is_left(machine: Host) -> None:
    assert not machine.file("/var/lib/mongodb").exists
    assert not machine.user("mongodb").exists
