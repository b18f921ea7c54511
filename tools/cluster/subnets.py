"""Which /24 networks of 192.168.56.0/21 are taken on this computer, by whom, and what frees them.

192.168.56.0/21 is what VirtualBox allows for host-only networks without further configuration
(https://www.virtualbox.org/manual/ch06.html#network_hostonly); all providers keep to it here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from tools.cluster import lxc
from tools.cluster.inventory import Cluster
from tools.cluster.shell import output

ALLOWED = IPv4Network("192.168.56.0/21")


@dataclass(frozen=True)
class Use:
    """A network that somebody has, and the command that gives it back (if we know one)."""

    network: IPv4Network
    who: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.network} is taken by {self.who}"


def of_another(network: IPv4Network, owner: str, what: str) -> Use:
    checkout, _, env = owner.rpartition(":")
    who = f"the cluster '{env}' of {checkout} ({what})"
    if Path(checkout).is_dir():
        return Use(network, who, f"cd {checkout} && .venv/bin/python -m tools.cluster down --env {env}")
    return Use(network, f"what is left of {who}", f".venv/bin/python -m tools.cluster remove {what}")


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


def from_routes(routes: list[Any], known: Iterable[str]) -> Iterator[Use]:
    """From `ip -j -4 route`: networks that are reached through somebody else (a VPN, for example)."""
    for route in routes:
        if route["dst"] != "default" and route.get("dev") not in known:
            network = IPv4Network(route["dst"], strict=False)
            yield Use(network, f"a route of this computer (ip route: {route['dst']} dev {route.get('dev')})")


def from_containers(configs: dict[str, str], our_id: str) -> Iterator[Use]:
    """From LXC's configurations: a stopped cluster of another checkout has its network still."""
    for name, config in configs.items():
        address = re.search(r"^lxc\.net\.1\.ipv4\.address *= *(\S+)", config, re.M)
        owner = re.search(r"^lxc\.environment *= *TASKYARD_OWNER=(.+)$", config, re.M)
        if address and owner and not name.startswith(f"taskyard-{our_id}-"):
            bridge = "ty-" + name.split("-")[1]
            yield of_another(IPv4Interface(address[1]).network, owner[1].strip(), bridge)


def from_libvirt(dumps: dict[str, str], ours: str) -> Iterator[Use]:
    """From `virsh net-dumpxml`; `ours` is the name of this cluster's own network."""
    for name, xml in dumps.items():
        found = re.search(r"<ip address=['\"]([\d.]+)['\"] netmask=['\"]([\d.]+)['\"]", xml)
        if found and name != ours:
            network = IPv4Interface(f"{found[1]}/{found[2]}").network
            yield Use(network, f"the libvirt network {name}", f"virsh net-destroy {name} && virsh net-undefine {name}")


def from_virtualbox(listing: str) -> Iterator[tuple[str, IPv4Network]]:
    """From `VBoxManage list hostonlyifs`: interface and network."""
    for block in re.split(r"\n\s*\n", listing):
        fields = dict(re.findall(r"^(\w+): +(\S+)", block, re.M))
        if {"Name", "IPAddress", "NetworkMask"} <= fields.keys():
            yield fields["Name"], IPv4Interface(f"{fields['IPAddress']}/{fields['NetworkMask']}").network


def virtualbox_uses(our_prefix: str) -> Iterator[Use]:
    """A host-only network is taken when a machine that is not ours is plugged into it; an empty one may be shared."""
    machines = dict(re.findall(r'^"(.+)" \{(.+)\}$', output(["VBoxManage", "list", "vms"], check=False), re.M))
    plugged: dict[str, str] = {}
    for name, uuid in machines.items():
        if not name.startswith(our_prefix):
            info = output(["VBoxManage", "showvminfo", uuid, "--machinereadable"], check=False)
            plugged |= {adapter: name for adapter in re.findall(r'^hostonlyadapter\d+="(.+)"$', info, re.M)}
    for interface, network in from_virtualbox(output(["VBoxManage", "list", "hostonlyifs"], check=False)):
        if interface in plugged:
            yield Use(network, f"the VirtualBox machine {plugged[interface]} (network {interface})")


def libvirt_networks() -> dict[str, str]:
    names = output(["virsh", "--connect", "qemu:///system", "net-list", "--all", "--name"], check=False).split()
    return {name: output(["virsh", "--connect", "qemu:///system", "net-dumpxml", name], check=False) for name in names}


def uses(cluster: Cluster, provider: str) -> list[Use]:
    """Everybody else's networks, most telling description first."""
    addresses = json.loads(output(["ip", "-j", "-4", "address"], check=False) or "[]")
    routes = json.loads(output(["ip", "-j", "-4", "route"], check=False) or "[]")
    libvirt = libvirt_networks()
    bridges = {name: found[1] for name, xml in libvirt.items() if (found := re.search(r"<bridge name=['\"](\S+?)['\"]", xml))}
    ours = {cluster.bridge, bridges.get(f"taskyard-{cluster.id}", "")}
    names = {interface.get("ifname", "") for interface in addresses}
    if provider == "virtualbox":
        ours |= {name for name in names if name.startswith("vboxnet")}
    return [
        *from_interfaces(addresses, lxc.bridges(), ours),
        *from_containers(lxc.configurations(), cluster.id),
        *virtualbox_uses(f"taskyard-{cluster.id}-"),
        *from_libvirt(libvirt, f"taskyard-{cluster.id}"),
        *from_routes(routes, names),
    ]


def conflict(network: IPv4Network, taken: Iterable[Use]) -> Use | None:
    return next((use for use in taken if use.network.overlaps(network)), None)


def first_free(taken: list[Use]) -> IPv4Network | None:
    return next((network for network in ALLOWED.subnets(new_prefix=24) if conflict(network, taken) is None), None)
