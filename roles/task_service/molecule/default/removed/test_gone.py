"""Nothing of the task service is left, and the auth service on the same machine has noticed nothing."""

from testinfra.host import Host

from tests.molecule.people import register, sign_in


def test_nothing_listens_and_nothing_is_left(machine: Host) -> None:
    assert machine.check_output("ss -Hltn sport = :8002 or sport = :8003") == ""
    units = machine.check_output("systemctl list-units --all --plain --no-legend 'taskyard-*'").splitlines()
    assert [line.split()[0] for line in units] == ["taskyard-auth@8001.service"]
    assert machine.run("systemctl cat taskyard-tasks@8002").rc != 0
    assert not machine.user("taskyard-tasks").exists
    found = machine.check_output("find /etc/taskyard -mindepth 1 -maxdepth 1").split()
    assert sorted(found) == ["/etc/taskyard/auth", "/etc/taskyard/auth.env"]


def test_people_still_sign_in(machine: Host) -> None:
    assert sign_in(machine, register(machine))
