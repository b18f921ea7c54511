"""Containers and bridges of the lxc provider, beneath Vagrant: what is there, whose it is, and taking it away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from tools.cluster.shell import output, run, succeeds

CONTAINERS = Path("/var/lib/lxc")
NETWORK_SCRIPT = Path("/usr/libexec/lxc/lxc-net")
NAT_BRIDGE = "lxcbr0"
# A note that lxc-net was started by us, with net.ipv4.ip_forward as it was before. Gone after a reboot, like lxc-net.
STARTED = Path("/run/taskyard-lxc-net")


@dataclass(frozen=True)
class Container:
    name: str
    state: str  # RUNNING, STOPPED, ...

    @property
    def host(self) -> str:
        return self.name.split("-", 2)[2]

    @property
    def cluster_id(self) -> str:
        return self.name.split("-")[1]


def containers(cluster_id: str = "[0-9a-f]{8}") -> list[Container]:
    """The containers of one cluster, or of all clusters of all checkouts."""
    listing = output(["lxc-ls", "--fancy", "--fancy-format", "NAME,STATE"], root=True, check=False)
    found = (line.split() for line in listing.splitlines()[1:])
    return [Container(words[0], words[1]) for words in found if re.match(f"taskyard-{cluster_id}-", words[0])]


def configurations() -> dict[str, str]:
    """The configuration of every taskyard container, by name."""
    if not succeeds(["ls", str(CONTAINERS)]) and not succeeds(["lxc-ls", "--version"]):
        return {}
    script = f"for file in {CONTAINERS}/taskyard-*/config; do [ -f \"$file\" ] && printf '\\n@@ %s\\n' \"$file\" && cat \"$file\"; done; true"
    parts = output(["sh", "-c", script], root=True, check=False).split("\n@@ ")[1:]
    return {Path(head).parent.name: text for head, _, text in (part.partition("\n") for part in parts)}


def destroy(name: str) -> None:
    """Also for a container that was being made when its maker was killed."""
    succeeds(["lxc-stop", "--kill", "--name", name], root=True)
    if not succeeds(["lxc-destroy", "--force", "--name", name], root=True):
        run(["rm", "-rf", "--one-file-system", str(CONTAINERS / name)], root=True)


def forget_earlier_starts(name: str) -> None:
    """Takes out what the provider wrote at earlier starts: as root it only ever appends to the configuration."""
    config = CONTAINERS / name / "config"
    script = 'f=$1; sed "/^# VAGRANT-BEGIN/,/^# VAGRANT-END/d" "$f" > "$f.new" && mv "$f.new" "$f"'
    output(["sh", "-c", script, "sh", str(config)], root=True, check=False)


def make_bridge(name: str, network: IPv4Network, owner: str) -> None:
    """The cluster's own network, with this computer at its first address. Repairs a half-made one."""
    script = """
        set -eu
        ip link show "$1" >/dev/null 2>&1 || ip link add name "$1" type bridge
        ip link set dev "$1" alias "taskyard $3"
        ip address replace "$2" dev "$1"
        ip link set dev "$1" up
        # Where packets on a bridge pass the firewall (Docker turns this on), a FORWARD policy of DROP would cut the machines off.
        if [ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null)" = 1 ]; then
            iptables -w -C FORWARD -i "$1" -o "$1" -j ACCEPT 2>/dev/null || iptables -w -I FORWARD -i "$1" -o "$1" -j ACCEPT
        fi
    """
    output(["sh", "-c", script, "sh", name, f"{network[1]}/{network.prefixlen}", owner], root=True)


def remove_bridge(name: str) -> None:
    script = """
        iptables -w -D FORWARD -i "$1" -o "$1" -j ACCEPT 2>/dev/null
        ip link delete "$1" 2>/dev/null
        true
    """
    output(["sh", "-c", script, "sh", name], root=True, check=False)


def bridges() -> dict[str, str]:
    """The bridges of all clusters with their owners."""
    listing = output(["ip", "-o", "link", "show", "type", "bridge"], check=False)
    return {
        found[1]: found[2].strip()
        for line in listing.splitlines()
        if (found := re.search(r"^\d+: (ty-[0-9a-f]{8}):.*\balias taskyard (.*?)\\?\s*$", line))
    }


def nat_is_up() -> bool:
    """Whether lxc-net runs: its bridge with an address, and the dnsmasq that serves it."""
    if "inet " not in output(["ip", "-4", "address", "show", NAT_BRIDGE], check=False):
        return False
    try:
        return Path(f"/proc/{Path('/run/lxc/dnsmasq.pid').read_text().strip()}").exists()
    except OSError:
        return False


def start_nat() -> bool:
    """Brings up the network by which containers reach the outside. True when it was down."""
    if nat_is_up():
        return False
    if Path("/run/systemd/system").exists():
        run(["systemctl", "restart", "lxc-net"], root=True)
    else:
        forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
        # Its flag file can outlive what it stands for (a crash, a reboot with a /run on disk). Without the ping, by which
        # dnsmasq makes sure that an address is free, every boot is three seconds shorter.
        script = f"""rm -f /run/lxc/network_up; echo {forwarding} > {STARTED}
            sed 's/^LXC_DHCP_PING="true"/LXC_DHCP_PING="false"/' {NETWORK_SCRIPT} | sh -s start"""
        output(["sh", "-c", script], root=True)
    return True


def stop_nat_if_ours_and_unused() -> bool:
    if not STARTED.exists() or list(Path(f"/sys/class/net/{NAT_BRIDGE}/brif").glob("*")):
        return False
    script = f"{NETWORK_SCRIPT} stop; cat {STARTED} > /proc/sys/net/ipv4/ip_forward; rm -f {STARTED}"
    output(["sh", "-c", script], root=True, check=False)
    return True
