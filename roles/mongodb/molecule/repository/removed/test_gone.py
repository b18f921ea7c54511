"""Nothing of the package, and nothing that apt knew of it, is left."""

import pytest
from testinfra.host import Host


def test_apt_knows_no_such_package_any_more(machine: Host) -> None:
    machine.run_expect([0], "apt-get update --error-on=any")
    assert machine.check_output("apt-cache policy mongodb-org-server") == ""
    assert machine.run("dpkg-query --show mongodb-org-server").rc != 0
    assert "mongodb" not in machine.check_output("apt-cache policy")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/apt/preferences.d/mongodb-org",
        "/etc/apt/sources.list.d/mongodb-org.sources",
        "/etc/apt/keyrings/mongodb-org.asc",
        "/etc/systemd/system/mongod.service",
        "/etc/mongod.conf",
        "/etc/mongodb",
        "/usr/bin/mongod",
        "/var/lib/mongodb",
        "/var/log/mongodb",
    ],
)
def test_its_files_are_gone(machine: Host, path: str) -> None:
    assert not machine.file(path).exists


def test_its_unit_user_and_group_are_gone(machine: Host) -> None:
    assert machine.run("systemctl cat mongod").rc != 0
    assert not machine.user("mongodb").exists
    assert not machine.group("mongodb").exists
