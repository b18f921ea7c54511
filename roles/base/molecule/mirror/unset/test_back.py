"""The machine has its own sources again, and no proxy."""

from testinfra.host import Host


def test_its_own_sources_are_back(machine: Host) -> None:
    assert machine.file("/etc/apt/sources.list").content_string.startswith("deb http://192.0.2.1/debian ")
    assert machine.check_output("find /etc/apt -name '*taskyard*'") == ""
    assert "Proxy" not in machine.check_output("apt-config dump")
