"""Whoever only looks changes nothing."""

from testinfra.host import Host


def test_the_machine_is_as_it_was(machine: Host) -> None:
    now = machine.check_output("find /etc /usr /opt /srv -newer /etc/hosts -type f").split()
    assert sorted(now) == sorted(machine.file("/root/before").content_string.split())


def test_nothing_is_left_of_the_looking(machine: Host) -> None:
    assert machine.check_output(r"find /tmp /var/tmp -mindepth 1 -regex '.*/\(tmp\|ansible\)[^/]+'") == ""
