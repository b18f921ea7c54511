"""Packages come from the mirror, through the proxy, and from nowhere else."""

from collections.abc import Mapping

from testinfra.host import Host


def test_the_mirror_takes_the_place_of_the_machines_own_sources(
    machine: Host, addresses: Mapping[str, str]
) -> None:
    found = set(machine.check_output("apt-get indextargets --format '$(REPO_URI)'").split())
    assert found == {f"http://{addresses['b']}/debian/", f"http://{addresses['b']}/debian-security/"}


def test_it_was_asked_through_the_proxy_alone(
    machines: Mapping[str, Host], addresses: Mapping[str, str]
) -> None:
    asked = [line.split() for line in machines["b"].file("/var/log/mirror.log").content_string.splitlines()]
    assert {port for port, _ in asked} == {"3128"}
    assert any("/pool/main/h/hello/" in url for _, url in asked)
    assert all(url.startswith(f"http://{addresses['b']}/") for _, url in asked)


def test_a_package_came_from_there_and_its_signature_was_checked(machine: Host) -> None:
    assert machine.package("hello").is_installed
    assert machine.run("apt-get update").stderr == ""


def test_somebody_elses_source_stays(machine: Host) -> None:
    assert machine.file("/etc/apt/sources.list.d/other.list").exists
    assert not machine.file("/etc/apt/sources.list").exists
