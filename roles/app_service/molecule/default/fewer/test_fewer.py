"""After a port was taken out of the list."""

from testinfra.host import Host

from tests.molecule.requests import ask


def test_its_instance_is_gone_and_the_other_serves(machine: Host) -> None:
    assert ask(machine, "GET", "http://127.0.0.1:9001/")[0] == 200
    assert machine.check_output("ss -Hltn sport = :9002") == ""
    units = machine.check_output(
        "systemctl list-units --all --plain --no-legend 'taskyard-echo@*'"
    ).splitlines()
    assert [line.split()[0] for line in units] == ["taskyard-echo@9001.service"]
    assert not machine.service("taskyard-echo@9002").is_enabled
