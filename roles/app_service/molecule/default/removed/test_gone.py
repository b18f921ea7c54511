"""Nothing of the service is left, and what others have is."""

from testinfra.host import Host

from tests.molecule.requests import listening


def test_nothing_listens_and_nothing_is_left(machine: Host) -> None:
    assert listening(machine) == set()
    assert machine.check_output("systemctl list-units --all --plain --no-legend 'taskyard-*'") == ""
    assert machine.run("systemctl cat taskyard-echo@9001").rc != 0
    assert not machine.user("taskyard-echo").exists
    assert not machine.group("taskyard-echo").exists


def test_the_other_services_configuration_is_there(machine: Host) -> None:
    assert machine.check_output("find /etc/taskyard -mindepth 1") == "/etc/taskyard/other.env"
    assert machine.file("/opt/taskyard/current").is_symlink
