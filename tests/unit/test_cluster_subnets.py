"""Who has a network on this computer, and what is said about it."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tools.cluster import network, subnets
from tools.cluster.inventory import Cluster
from tools.cluster.shell import StopError
from tools.cluster.subnets import Use, conflict, first_free

FIRST, SECOND = IPv4Network("192.168.56.0/24"), IPv4Network("192.168.57.0/24")


def interface(name: str, address: str) -> dict[str, object]:
    return {"ifname": name, "addr_info": [{"local": address, "prefixlen": 24}]}


def test_a_bridge_of_another_checkout_is_named_with_the_command_that_frees_it(tmp_path: Path) -> None:
    (tmp_path / "Makefile").touch()
    owners = {"ty-0a1b2c3d": f"{tmp_path}:e2e"}
    (use,) = subnets.from_interfaces([interface("ty-0a1b2c3d", "192.168.56.1")], owners, ours=[])
    assert use.network == FIRST
    assert str(tmp_path) in use.who
    assert use.command == f"make -C {tmp_path} down ENV=e2e"


def test_what_a_vanished_checkout_left_can_be_removed_by_its_id() -> None:
    owners = {"ty-0a1b2c3d": "/gone/away:local"}
    (use,) = subnets.from_interfaces([interface("ty-0a1b2c3d", "192.168.56.1")], owners, ours=[])
    assert use.command.endswith("tools.cluster remove ty-0a1b2c3d")


def test_our_own_bridge_is_not_in_the_way() -> None:
    addresses = [interface("ty-ours", "192.168.56.1"), interface("eth0", "10.1.2.3")]
    uses = list(subnets.from_interfaces(addresses, {}, ours=["ty-ours"]))
    assert [use.network for use in uses] == [IPv4Network("10.1.2.0/24")]


def test_a_route_into_a_vpn_takes_all_networks_that_it_covers() -> None:
    routes = [{"dst": "default", "dev": "eth0"}, {"dst": "192.168.56.0/23", "dev": "tun0"}]
    uses = list(subnets.from_routes(routes, ours=[]))
    assert first_free(uses) == IPv4Network("192.168.58.0/24")


def test_the_route_of_our_own_bridge_is_not_in_the_way() -> None:
    assert list(subnets.from_routes([{"dst": "192.168.56.0/24", "dev": "ty-ours"}], ours=["ty-ours"])) == []


def test_a_stopped_cluster_of_another_checkout_keeps_its_network() -> None:
    text = "lxc.net.1.ipv4.address=192.168.57.20/24\nlxc.environment=TASKYARD_OWNER=/some/where:local\n"
    configurations = {"taskyard-0a1b2c3d-app1": text, "taskyard-99999999-app1": text}
    (use,) = subnets.from_containers(configurations, our_id="99999999")
    assert (use.network, "/some/where" in use.who) == (SECOND, True)


def test_a_libvirt_network_is_named_but_not_our_own() -> None:
    xml = "<network><bridge name='virbr1'/><ip address='192.168.56.1' netmask='255.255.255.0'></ip></network>"
    (use,) = subnets.from_libvirt({"lab": xml, "taskyard-1": xml}, ours="taskyard-1")
    assert (use.network, use.who) == (FIRST, "the libvirt network lab")


HOST_ONLY = """Name:            vboxnet0
GUID:            786f6276-656e-4074-8000-0a0027000000
IPAddress:       192.168.56.1
NetworkMask:     255.255.255.0

Name:            vboxnet1
IPAddress:       192.168.57.1
NetworkMask:     255.255.255.0
"""


def test_a_virtualbox_network_is_taken_only_when_somebody_elses_machine_is_plugged_in() -> None:
    (use,) = subnets.from_virtualbox(HOST_ONLY, {"vboxnet1": "other_vm"})
    assert (use.network, "other_vm" in use.who) == (SECOND, True)


def test_the_first_network_that_nobody_has_is_taken() -> None:
    taken = [Use(FIRST, "somebody")]
    assert conflict(SECOND, taken) is None
    assert first_free(taken) == SECOND


def test_there_is_an_end_of_networks() -> None:
    assert first_free([Use(subnets.ALLOWED, "everybody")]) is None


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A checkout whose network somebody else has."""
    folder = tmp_path / "inventory" / "local"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text("all: {hosts: {app1: {ansible_host: 192.168.56.20}}}")
    monkeypatch.setattr(network, "uses", lambda *_: [Use(FIRST, "a printer", "unplug it")])
    return Cluster(root=tmp_path)


def test_plain_vagrant_is_told_who_has_the_network_and_what_to_type(cluster: Cluster) -> None:
    with pytest.raises(StopError) as stopped:
        network.ensure_free(cluster, "lxc", may_move=False)
    assert "a printer" in str(stopped.value)
    assert "unplug it" in str(stopped.value)
    assert "make relocate" in str(stopped.value)


def test_make_up_moves_out_of_the_way(cluster: Cluster) -> None:
    network.ensure_free(cluster, "lxc", may_move=True)
    assert cluster.subnet() == SECOND


def test_machines_that_exist_are_not_moved(cluster: Cluster) -> None:
    made = cluster.dotfile / "machines" / "app1" / "lxc" / "id"
    made.parent.mkdir(parents=True)
    made.touch()
    with pytest.raises(StopError, match="make down && make up"):
        network.ensure_free(cluster, "lxc", may_move=True)


def test_a_wanted_network_outside_the_allowed_range_is_refused(cluster: Cluster) -> None:
    with pytest.raises(StopError, match=r"192\.168\.56\.0/21"):
        network.relocate(cluster, "lxc", IPv4Network("10.0.0.0/24"))


def test_real_hosts_are_not_taken_for_machines_of_this_computer() -> None:
    hosts = {
        "app1": {"ansible_host": "192.168.57.20"},
        "far": {"ansible_host": "203.0.113.20"},
        "named": {"ansible_host": "app1.example.org"},
        "bare": {},
    }
    assert subnets.strangers(hosts) == ["far", "named", "bare"]
