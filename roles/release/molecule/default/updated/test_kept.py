"""After many updates."""

from testinfra.host import Host


def test_the_newest_releases_stay_beside_the_one_in_use(machine: Host) -> None:
    found = set(machine.check_output("ls /opt/taskyard/releases").split())
    current = machine.check_output("basename $(readlink /opt/taskyard/current)")
    assert found == {current, "0.0.1", "0.0.2"}
