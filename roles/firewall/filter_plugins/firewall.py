"""Ansible filters: addresses and networks, as the firewall's rules name them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any


def _network(text: object) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(str(text))
    except ValueError:
        return None


def no_networks(sources: Iterable[object]) -> list[str]:
    """Those that are neither an address nor a network. One with bits of a host (10.0.0.1/24) is none."""
    return [str(source) for source in sources if _network(source) is None]


def admits(rules: Iterable[Mapping[str, Any]], address: str, port: object) -> bool:
    """Whether one of the rules ({ports, sources, protocol}) lets this address in at this TCP port."""
    client = ip_address(address)
    client = getattr(client, "ipv4_mapped", None) or client
    return any(
        int(str(port)) in rule["ports"] and client in network
        for rule in rules
        if rule.get("protocol", "tcp") == "tcp"
        for network in map(_network, rule["sources"])
        if network is not None and network.version == client.version
    )


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"firewall_no_networks": no_networks, "firewall_admits": admits}
