"""A machine as the other roles find it."""

from collections.abc import Mapping

from testinfra.host import Host


def test_it_knows_the_others_by_name(machine: Host) -> None:
    for name, address in {
        "data1.example": "192.0.2.11",
        "data1": "192.0.2.11",
        "data2": "192.0.2.12",
    }.items():
        assert machine.check_output("getent hosts %s", name).split()[0] == address


def test_it_knows_itself_by_its_address_and_not_by_a_loopback_one(
    machine: Host, addresses: Mapping[str, str]
) -> None:
    own = machine.check_output("hostname")
    assert machine.check_output("getent ahostsv4 %s | cut -d' ' -f1 | sort -u", own) == addresses["a"]


def test_a_cluster_that_has_moved_leaves_no_old_address(machine: Host) -> None:
    hosts = machine.file("/etc/hosts").content_string
    assert "198.51.100.11" not in hosts
    assert hosts.count("BEGIN the machines of this cluster") == 1


def test_the_common_packages_are_there(machine: Host) -> None:
    for package in ("ca-certificates", "python3", "tzdata"):
        assert machine.package(package).is_installed


def test_sources_and_proxies_are_the_machines_own(machine: Host) -> None:
    assert machine.file("/etc/apt/sources.list").exists
    assert not machine.file("/etc/apt/sources.list.d/taskyard.sources").exists
    assert not machine.file("/etc/apt/apt.conf.d/99taskyard-proxy").exists


def test_its_names_can_be_changed_by_root_alone(machine: Host) -> None:
    file = machine.file("/etc/hosts")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
