"""Only what is named is let in, other tables stay, and what nobody confirms is taken back."""

import time
from collections.abc import Callable, Mapping

import pytest
from testinfra.host import Host

from tests.molecule.requests import unit
from tests.molecule.sandboxes import OWN, check_score

Knock = Callable[..., str]
TABLE = "nft --stateless list table inet taskyard"
CANDIDATE = "/etc/taskyard-firewall/candidate.nft"
RULES = "/etc/taskyard-firewall/rules.nft"


def tables(machine: Host) -> set[str]:
    return set(machine.check_output("nft list tables").splitlines())


def come_to(machine: Host, wanted: set[str]) -> None:
    """Wait until these tables are there: what follows from a command to systemd comes after its end."""
    deadline = time.monotonic() + 10
    while tables(machine) != wanted:
        assert time.monotonic() < deadline, tables(machine)
        time.sleep(0.2)


def test_its_unit_gets_no_more_than_it_needs(machine: Host) -> None:
    check_score(machine, "taskyard-firewall", OWN)


def test_a_port_that_is_named_answers(knock: Knock) -> None:
    assert knock("a", 8080) == "open"
    assert knock("b", 8080) == "closed"  # nothing listens there, and it says so


@pytest.mark.parametrize("port", [8081, 8082, 9999])
def test_a_port_that_is_not_named_or_for_others_is_dropped(knock: Knock, port: int) -> None:
    assert knock("a", port) == "dropped"


def test_a_machine_reaches_itself(knock: Knock) -> None:
    assert knock("a", 8081, origin="a") == "open"


def test_ssh_is_let_in(knock: Knock) -> None:
    assert knock("b", 22) != "dropped"


def test_echo_requests_are_answered(machines: Mapping[str, Host], addresses: Mapping[str, str]) -> None:
    ping = """
import socket, struct, sys
request = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
checksum = ~sum(struct.unpack("!4H", request)) & 0xFFFF
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raw.settimeout(3)
raw.sendto(struct.pack("!BBHHH", 8, 0, checksum, 1, 1), (sys.argv[1], 0))
print(raw.recv(100)[20])
"""
    assert machines["a"].check_output("python3 -c %s %s", ping, addresses["b"]) == "0"


def test_connections_from_before_the_rules_go_on(machine: Host) -> None:
    ticks = "stat -c %s /run/ticks"
    before = int(machine.check_output(ticks))
    time.sleep(3)
    assert int(machine.check_output(ticks)) > before


def test_the_operators_rules_are_as_they_were(machines: Mapping[str, Host]) -> None:
    machine = machines["b"]
    assert tables(machine) == {"table inet operator", "table inet taskyard"}
    assert 'tcp dport 7777 drop comment "mine"' in machine.check_output("nft list table inet operator")
    assert "taskyard" not in machine.file("/etc/nftables.conf").content_string
    assert machine.service("nftables").is_enabled


def test_a_machine_without_rules_of_its_own_gets_no_others(machine: Host) -> None:
    assert tables(machine) == {"table inet taskyard"}
    assert not machine.service("nftables").is_enabled


# Debian's own unit empties the whole ruleset.
@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_it_is_there_when_the_operators_rules_were_loaded_anew(
    machines: Mapping[str, Host], verb: str
) -> None:
    machine = machines["b"]
    machine.run_expect([0], f"systemctl {verb} nftables")
    come_to(machine, {"table inet operator", "table inet taskyard"})
    assert machine.check_output("taskyard-firewall state") == "loaded"


def test_it_goes_and_comes_with_the_operators_rules(machines: Mapping[str, Host]) -> None:
    machine = machines["b"]
    machine.run_expect([0], "systemctl stop nftables")
    come_to(machine, set())
    machine.run_expect([0], "systemctl start nftables")
    come_to(machine, {"table inet operator", "table inet taskyard"})


def test_at_boot_it_is_loaded_before_there_is_a_network(machine: Host) -> None:
    assert machine.service("taskyard-firewall").is_enabled
    properties = unit(machine, "taskyard-firewall", "Before", "After", "DefaultDependencies", "WantedBy")
    assert "network-pre.target" in properties["Before"].split()
    assert "nftables.service" in properties["After"].split()
    assert properties["DefaultDependencies"] == "no"
    assert "sysinit.target" in properties["WantedBy"].split()
    machine.run_expect([0], "systemctl stop taskyard-firewall")
    assert tables(machine) == set()
    machine.run_expect([0], "systemctl start taskyard-firewall")
    assert machine.check_output("taskyard-firewall state") == "loaded"


@pytest.mark.usefixtures("saved")
def test_rules_that_nobody_confirms_are_taken_back(machine: Host, knock: Knock) -> None:
    before = machine.check_output(TABLE)
    rules = machine.file(RULES).content_string
    machine.run_expect([0], f"sed -i s/8080/8081/ {CANDIDATE}")
    machine.run_expect([0], "taskyard-firewall try 5 22")
    assert machine.file(RULES).content_string == rules
    assert knock("a", 8081) == "open"
    deadline = time.monotonic() + 20
    while machine.check_output(TABLE) != before:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert machine.file(RULES).content_string == rules
    assert machine.run("taskyard-firewall confirm").rc != 0
    assert machine.file(RULES).content_string == rules
    assert machine.check_output("taskyard-firewall state") == "differs"


@pytest.mark.usefixtures("saved")
def test_where_there_were_no_rules_none_come_back(machine: Host) -> None:
    machine.run_expect([0], "systemctl stop taskyard-firewall")
    machine.run_expect([0], "taskyard-firewall try 3 22")
    assert tables(machine) == {"table inet taskyard"}
    come_to(machine, set())


@pytest.mark.usefixtures("saved")
def test_rules_that_are_confirmed_stay(machine: Host) -> None:
    machine.run_expect([0], f"sed -i s/8080/8081/ {CANDIDATE}")
    machine.run_expect([0], "taskyard-firewall try 3 22")
    machine.run_expect([0], "taskyard-firewall confirm")
    time.sleep(5)
    assert "8081" in machine.check_output(TABLE)
    assert machine.file(RULES).content_string == machine.file(CANDIDATE).content_string
    assert machine.check_output("taskyard-firewall state") == "loaded"


@pytest.mark.usefixtures("saved")
def test_what_was_tried_twice_goes_back_to_what_was_confirmed(machine: Host) -> None:
    before = machine.check_output(TABLE)
    for port in ("8081", "8083"):
        machine.run_expect([0], f"sed -E -i 's/dport 808[013] /dport {port} /' {CANDIDATE}")
        machine.run_expect([0], "taskyard-firewall try 600 22")
        assert port in machine.check_output(TABLE)
    machine.run_expect([0], "taskyard-firewall rollback")
    assert machine.check_output(TABLE) == before
    assert machine.run("systemctl is-active taskyard-firewall-rollback.timer").stdout.strip() == "inactive"


@pytest.mark.usefixtures("saved")
def test_rules_that_nftables_does_not_take_change_nothing(machine: Host) -> None:
    before = machine.check_output(TABLE)
    machine.run_expect([0], f"echo nonsense >> {CANDIDATE}")
    assert machine.run("taskyard-firewall try 600 22").rc != 0
    assert machine.check_output(TABLE) == before
    assert machine.run("systemctl is-active taskyard-firewall-rollback.timer").stdout.strip() == "inactive"


# The next playbook of the scenario makes it good.
@pytest.mark.parametrize("command", ["flush ruleset", "add rule inet taskyard input accept"])
def test_a_change_by_another_hand_is_noticed(machine: Host, command: str) -> None:
    machine.run_expect([0], "systemctl restart taskyard-firewall")
    assert machine.check_output("taskyard-firewall state") == "loaded"
    machine.run_expect([0], f"nft '{command}'")
    assert machine.check_output("taskyard-firewall state") == "differs"
