"""The lxc provider's networks: a bridge for each cluster, and lxc-net, by which all reach the outside."""

import re
from ipaddress import IPv4Network
from pathlib import Path

from tools.cluster.shell import output, run

NETWORK_SCRIPT = Path("/usr/libexec/lxc/lxc-net")
NAT_BRIDGE = "lxcbr0"
# A note that we started lxc-net, holding net.ipv4.ip_forward as it was. Gone after a reboot, like lxc-net.
STARTED = Path("/run/taskyard-lxc-net")


def make(name: str, network: IPv4Network, owner: str) -> None:
    """A cluster's own network, with this computer at its first address. Mends a half-made one."""
    # Where packets on a bridge pass the firewall (Docker turns that on), a FORWARD policy of DROP would
    # cut the machines off from each other.
    script = """
        set -eu
        ip link show "$1" >/dev/null 2>&1 || ip link add name "$1" type bridge
        ip link set dev "$1" alias "taskyard $3"
        ip address replace "$2" dev "$1"
        ip link set dev "$1" up
        if [ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null)" = 1 ]; then
            iptables -w -C FORWARD -i "$1" -o "$1" -j ACCEPT 2>/dev/null ||
            iptables -w -I FORWARD -i "$1" -o "$1" -j ACCEPT
        fi
    """
    output(["sh", "-c", script, "sh", name, f"{network[1]}/{network.prefixlen}", owner], root=True)


def remove(name: str) -> None:
    script = """
        iptables -w -D FORWARD -i "$1" -o "$1" -j ACCEPT 2>/dev/null
        ip link delete "$1" 2>/dev/null
        true
    """
    output(["sh", "-c", script, "sh", name], root=True, check=False)


def owners() -> dict[str, str]:
    """The bridges of all clusters, each with its owner (CHECKOUT:ENVIRONMENT)."""
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
    """Bring lxc-net up. True when it was down."""
    if nat_is_up():
        return False
    if Path("/run/systemd/system").exists():
        run(["systemctl", "restart", "lxc-net"], root=True)
        return True
    # Its flag file can outlive what it stands for (a crash, a reboot with a /run on disk). And without the
    # ping, by which dnsmasq makes sure that an address is free, every boot is three seconds shorter.
    script = f"""
        rm -f /run/lxc/network_up
        [ -e {STARTED} ] || cat /proc/sys/net/ipv4/ip_forward > {STARTED}
        sed 's/^LXC_DHCP_PING="true"/LXC_DHCP_PING="false"/' {NETWORK_SCRIPT} | sh -s start
    """
    output(["sh", "-c", script], root=True)
    return True


def stop_nat_if_ours_and_unused() -> bool:
    in_use = owners() or list(Path(f"/sys/class/net/{NAT_BRIDGE}/brif").glob("*"))
    if in_use or not STARTED.exists():
        return False
    script = f"{NETWORK_SCRIPT} stop; cat {STARTED} > /proc/sys/net/ipv4/ip_forward; rm -f {STARTED}"
    output(["sh", "-c", script], root=True, check=False)
    return True
