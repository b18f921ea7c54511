"""Which /24 networks of 192.168.56.0/21 are taken on this computer, by whom, and what frees them.

192.168.56.0/21 is what VirtualBox allows for host-only networks without further configuration
(https://www.virtualbox.org/manual/ch06.html#network_hostonly); all providers keep to it here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from tools.cluster import bridges, libvirt, lxc
from tools.cluster.inventory import Cluster, as_address
from tools.cluster.shell import output

ALLOWED = IPv4Network("192.168.56.0/21")
PREFIX = 24


@dataclass(frozen=True)
class Use:
    """A network that somebody has, and the command that gives it back (if we know one)."""

    network: IPv4Network
    who: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.network} is taken by {self.who}"


def of_another(network: IPv4Network, owner: str, bridge: str) -> Use:
    """The network of another checkout's cluster, or of what is left of one."""
    checkout, _, env = owner.rpartition(":")
    who = f"the cluster '{env}' of {checkout} ({bridge})"
    if (Path(checkout) / "Makefile").exists():
        return Use(network, who, f"make -C {checkout} down ENV={env}")
    return Use(network, f"what is left of {who}", f".venv/bin/python -m tools.cluster remove {bridge}")


def from_interfaces(addresses: list[Any], owners: Mapping[str, str], ours: Iterable[str]) -> Iterator[Use]:
    """From `ip -j -4 address`, and the owners of the bridges among them."""
    for interface in addresses:
        name = interface.get("ifname")
        if name is None or name in ours:
            continue
        for address in interface.get("addr_info", []):
            network = IPv4Interface(f"{address['local']}/{address['prefixlen']}").network
            if name in owners:
                yield of_another(network, owners[name], name)
            else:
                yield Use(network, f"the network interface {name}")


def from_routes(routes: list[Any], ours: Iterable[str]) -> Iterator[Use]:
    """From `ip -j -4 route`: what is reached through somebody else, a VPN for example."""
    for route in routes:
        if route["dst"] != "default" and route.get("dev") not in ours:
            network = IPv4Network(route["dst"], strict=False)
            yield Use(network, f"a route of this computer (to {route['dst']} by {route.get('dev')})")


def from_containers(configurations: Mapping[str, str], our_id: str) -> Iterator[Use]:
    """From LXC's configurations: a stopped cluster of another checkout has its network still."""
    for name, text in configurations.items():
        address = re.search(r"^lxc\.net\.1\.ipv4\.address *= *(\S+)", text, re.MULTILINE)
        owner = re.search(r"^lxc\.environment *= *TASKYARD_OWNER=(.+)$", text, re.MULTILINE)
        cluster_id = name.split("-")[1]
        if address and owner and cluster_id != our_id:
            yield of_another(IPv4Interface(address[1]).network, owner[1].strip(), f"ty-{cluster_id}")


def from_libvirt(dumps: Mapping[str, str], ours: str) -> Iterator[Use]:
    """From `virsh net-dumpxml` by name; `ours` is the name of this cluster's own network."""
    for name, xml in dumps.items():
        found = re.search(r"<ip address=['\"]([\d.]+)['\"] netmask=['\"]([\d.]+)['\"]", xml)
        if found and name != ours:
            network = IPv4Interface(f"{found[1]}/{found[2]}").network
            command = f"virsh net-destroy {name} && virsh net-undefine {name}"
            yield Use(network, f"the libvirt network {name}", command)


def from_virtualbox(hostonlyifs: str, plugged: Mapping[str, str]) -> Iterator[Use]:
    """From `VBoxManage list hostonlyifs`, and the interfaces that others' machines are plugged into.

    A host-only network that no other machine uses may be shared: Vagrant takes the one with its addresses.
    """
    for block in re.split(r"\n\s*\n", hostonlyifs):
        fields = dict(re.findall(r"^(\w+): +(\S+)", block, re.MULTILINE))
        if fields.get("Name") in plugged:
            network = IPv4Interface(f"{fields['IPAddress']}/{fields['NetworkMask']}").network
            machine = plugged[fields["Name"]]
            yield Use(network, f"the VirtualBox machine {machine} (network {fields['Name']})")


def virtualbox_uses(our_prefix: str) -> Iterator[Use]:
    listing = output(["VBoxManage", "list", "vms"], check=False)
    plugged: dict[str, str] = {}
    for name, uuid in re.findall(r'^"(.+)" \{(.+)\}$', listing, re.MULTILINE):
        if not name.startswith(our_prefix):
            info = output(["VBoxManage", "showvminfo", uuid, "--machinereadable"], check=False)
            adapters = re.findall(r'^hostonlyadapter\d+="(.+)"$', info, re.MULTILINE)
            plugged |= dict.fromkeys(adapters, name)
    yield from from_virtualbox(output(["VBoxManage", "list", "hostonlyifs"], check=False), plugged)


def uses(cluster: Cluster, provider: str) -> list[Use]:
    """Everybody else's networks, the most telling descriptions first."""
    addresses = json.loads(output(["ip", "-j", "-4", "address"], check=False) or "[]")
    routes = json.loads(output(["ip", "-j", "-4", "route"], check=False) or "[]")
    networks = libvirt.networks()
    ours = {cluster.bridge}
    for name, xml in networks.items():
        bridge = re.search(r"<bridge name=['\"](\S+?)['\"]", xml)
        if bridge and name == cluster.libvirt_network:
            ours.add(bridge[1])
    if provider == "virtualbox":
        names = (str(interface.get("ifname")) for interface in addresses)
        ours |= {name for name in names if name.startswith("vboxnet")}
    return [
        *from_containers(lxc.configurations() if provider == "lxc" else {}, cluster.id),
        *virtualbox_uses(cluster.machine("")),
        *from_libvirt(networks, cluster.libvirt_network),
        *from_interfaces(addresses, bridges.owners(), ours),
        *from_routes(routes, ours),
    ]


def strangers(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of the hosts that can't be machines of this computer, by their addresses."""
    addresses = {name: as_address(variables.get("ansible_host")) for name, variables in hosts.items()}
    return [name for name, address in addresses.items() if address is None or address not in ALLOWED]


def conflict(network: IPv4Network, taken: Iterable[Use]) -> Use | None:
    return next((use for use in taken if use.network.overlaps(network)), None)


def first_free(taken: list[Use]) -> IPv4Network | None:
    candidates = ALLOWED.subnets(new_prefix=PREFIX)
    return next((network for network in candidates if conflict(network, taken) is None), None)
