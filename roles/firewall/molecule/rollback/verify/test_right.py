"""The right rules are taken after wrong ones."""

from testinfra.host import Host


def test_the_right_rules_are_in_force(machine: Host) -> None:
    assert machine.check_output("taskyard-firewall state") == "loaded"
    assert machine.service("taskyard-firewall").is_enabled
    assert "192.0.2.1" not in machine.file("/etc/taskyard-firewall/candidate.nft").content_string
