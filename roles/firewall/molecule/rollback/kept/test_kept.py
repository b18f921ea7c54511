"""Rules that shut the operator out have left nothing behind but the candidate."""

from testinfra.host import Host


def test_the_former_rules_are_in_force_and_for_the_next_boot(machine: Host) -> None:
    for shown in (
        machine.check_output("nft list table inet taskyard"),
        machine.file("/etc/taskyard-firewall/rules.nft").content_string,
    ):
        assert "8081" not in shown
        assert "192.0.2.1" not in shown
    assert machine.run("systemctl is-active taskyard-firewall-rollback.timer").stdout.strip() == "inactive"


def test_it_is_known_that_something_is_left_to_do(machine: Host) -> None:
    assert machine.check_output("taskyard-firewall state") == "differs"
