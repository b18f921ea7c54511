"""A jump host for older clients: Vagrant's own, net-ssh, is one."""

from collections.abc import Callable

from testinfra.host import Host

from tests.molecule.ssh_audit import LEGACY, findings

Knock = Callable[..., str]
QUANTUM = "does not provide protection against post-quantum attacks"
NET_SSH = """
require "net/ssh"
Net::SSH.start("127.0.0.1", "root", keys: ["/root/knock"], keys_only: true, verify_host_key: :never,
               non_interactive: true, timeout: 20) { |ssh| print ssh.exec!("echo I am in") }
"""


def test_ssh_audit_regrets_the_older_key_exchanges_and_nothing_else(machine: Host) -> None:
    found = findings(machine)
    assert found["fail"] == set()
    notes = {said.partition(": ")[2] for said in found["warn"]}
    assert QUANTUM in notes
    assert notes <= LEGACY.keys()


def test_vagrants_client_gets_in(machine: Host, knock: Knock) -> None:
    assert "I am in" in knock("echo I am in")
    machine.run_expect([0], "apt-get -qq install --yes --no-install-recommends ruby-net-ssh")
    assert "I am in" in machine.check_output("ruby -e %s", NET_SSH)


def test_it_leads_to_other_machines_now(knock: Knock) -> None:
    assert "SSH-2.0" in knock("-W 127.0.0.1:22", "< /dev/null")


def test_updates_are_left_to_others(machine: Host) -> None:
    assert not machine.file("/etc/apt/apt.conf.d/60taskyard-upgrades").exists
    assert not machine.package("unattended-upgrades").is_installed
