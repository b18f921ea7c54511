"""The other machines' names are gone, and packages can still be installed."""

from testinfra.host import Host


def test_nothing_is_left(machine: Host) -> None:
    assert "data1" not in machine.file("/etc/hosts").content_string
    assert "cluster" not in machine.file("/etc/hosts").content_string
    assert machine.check_output("find /etc/apt -name '*taskyard*'") == ""
    machine.run_expect([0], "apt-get -qq update")


def test_it_finds_itself_as_before(machine: Host) -> None:
    own = machine.check_output("hostname")
    assert f"127.0.1.1 {own}.example {own}\n" in machine.file("/etc/hosts").content_string
    assert "set aside" not in machine.file("/etc/hosts").content_string
