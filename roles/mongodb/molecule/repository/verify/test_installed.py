"""MongoDB from a signed repository, in the version that was named."""

from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

from tests.molecule.requests import unit


def test_the_version_is_the_one_that_was_named_and_the_repository_has_a_newer_one(
    machine: Host, policy: dict[str, str]
) -> None:
    state = machine.check_output(
        "dpkg-query --show --showformat='${db:Status-Status} ${Version}' mongodb-org-server"
    )
    assert state == "installed 6.0.5"
    assert "6.0.6" in machine.check_output("apt-cache madison mongodb-org-server")
    assert (policy["Installed"], policy["Candidate"]) == ("6.0.5", "6.0.5")
    assert "*** 6.0.5 990" in machine.check_output("apt-cache policy mongodb-org-server")


@pytest.mark.parametrize("command", ["upgrade", "dist-upgrade"])
def test_an_upgrade_of_the_machine_leaves_it_alone(
    machine: Host, policy: dict[str, str], command: str
) -> None:
    before = unit(machine, "mongod", "InvocationID")
    machine.run_expect([0], "DEBIAN_FRONTEND=noninteractive apt-get --yes %s", command)
    assert machine.package("mongodb-org-server").version == policy["Installed"] == "6.0.5"
    assert unit(machine, "mongod", "InvocationID") == before


def test_the_packages_are_signed_with_the_repositorys_key_alone(machine: Host) -> None:
    source = machine.file("/etc/apt/sources.list.d/mongodb-org.sources").content_string
    assert "Signed-By: /etc/apt/keyrings/mongodb-org.asc" in source
    assert "trusted" not in source.lower()


def test_mongod_runs_with_the_roles_unit_and_not_with_the_packages(machine: Host) -> None:
    assert machine.service("mongod").is_enabled
    found = unit(
        machine,
        "mongod",
        "ActiveState",
        "FragmentPath",
        "ExecStart",
        "User",
        "Group",
        "ProtectSystem",
        "Restart",
    )
    assert "argv[]=/usr/bin/mongod --config /etc/mongodb/mongod.conf ;" in found.pop("ExecStart")
    assert found == {
        "ActiveState": "active",
        "FragmentPath": "/etc/systemd/system/mongod.service",
        "User": "mongodb",
        "Group": "mongodb",
        "ProtectSystem": "full",
        "Restart": "always",
    }


def test_it_never_ran_with_the_configuration_of_the_package(machine: Host) -> None:
    assert machine.file("/etc/mongod.conf").exists
    assert machine.file("/var/log/mongodb").user == "mongodb"
    assert not machine.file("/var/log/mongodb/mongod.log").exists


def test_only_mongods_user_reads_keyfile_and_data(machine: Host) -> None:
    keyfile, data = machine.file("/etc/mongodb/keyfile"), machine.file("/var/lib/mongodb")
    assert (keyfile.user, keyfile.mode) == ("mongodb", 0o400)
    assert (data.user, data.group, data.mode) == ("mongodb", "mongodb", 0o750)


def test_it_takes_and_gives_data_with_the_right_password_alone(ask: Callable[..., dict[str, Any]]) -> None:
    document = {"_id": "kept", "is": "here"}
    kept = {"insert": "kept", "documents": [document], "writeConcern": {"w": "majority"}}
    assert ask(kept)["n"] == 1
    assert ask({"find": "kept"})["cursor"]["firstBatch"] == [document]
    assert ask({"find": "kept"}, password="wrong")["code"] == 18  # AuthenticationFailed
    assert ask({"find": "kept"}, database="taskyard_auth")["code"] == 13  # Unauthorized
