"""Nothing of the auth service is left, and nothing else was here for the folder to stay."""

from testinfra.host import Host


def test_nothing_listens_and_nothing_is_left(machine: Host) -> None:
    assert machine.check_output("ss -Hltn sport = :8001") == ""
    assert machine.check_output("systemctl list-units --all --plain --no-legend 'taskyard-*'") == ""
    assert machine.run("systemctl cat taskyard-auth@8001").rc != 0
    assert not machine.user("taskyard-auth").exists
    assert not machine.file("/etc/taskyard").exists


def test_the_release_and_the_data_stay(machine: Host) -> None:
    assert machine.file("/opt/taskyard/current").is_symlink
    assert machine.service("mongod").is_running
    assert machine.service("redis-server").is_running
