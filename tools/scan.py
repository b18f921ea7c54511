"""Scan every machine from every other and from outside, and compare with what the inventory implies.

    python -m tools.scan [--env local]

Outside is this computer. Every TCP port is asked (nmap), and those that anybody has to reach once more, with
patience. What answers has to be what `cluster_flows` (playbooks/group_vars/all.yml) names for the one who
asks, no less and no more; all else has to be dropped.
Prints a line for each pair, and ends with 1 when one of them differs.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from tools.cluster.shell import StopError, output, run, say
from tools.debian import require_program
from tools.packages import ROOT

OUTSIDE = "outside"
# Every TCP port; a machine that drops does not answer, and is not waited for any longer than that.
EVERY_PORT = "-Pn -n -p- --max-retries 1 --max-rtt-timeout 500ms -oG -"
# At that pace a busy machine loses an answer now and then. What it should have answered is asked again.
PATIENTLY = "-Pn -n --max-retries 8 -oG - -p"
# Thousands of questions a second would fill the kernel's table of connections, and those that two machines
# ask each other at once would look like answers there. They are kept out of it: nmap sees answers before it.
FAST = "--min-rate 5000 --source-port 1023"
BEGINS = """table inet taskyard_scan {
  chain output {
    type filter hook output priority raw
    tcp sport 1023 notrack
  }
}
"""
ENDS = "table inet taskyard_scan\ndelete table inet taskyard_scan\n"
# Where that can't be done: a question is remembered for two minutes, and 200 000 of them are few enough.
SLOW = "--max-rate 1500"
NFT = "nft"
# nmap's greppable output: one port, and all those that it does not list.
PORT = re.compile(r"(\d+)/(\w[\w|]*)/tcp/")
IGNORED = re.compile(r"Ignored State: (\S+) \((\d+)\)")


@dataclass(frozen=True)
class Machine:
    """A machine, as the inventory has it: where it is reached, and by whom at which ports."""

    name: str
    address: str
    outside: str
    is_filtered: bool
    flows: Sequence[Mapping[str, Any]]

    def lets_in(self, client: str) -> frozenset[int]:
        """The TCP ports at which it has to answer this address."""
        return tcp_ports(flow for flow in self.flows if holds(flow["sources"], client))


@dataclass(frozen=True)
class Found:
    """What a scan saw of a machine: open ports, those that refuse, and how many more are not dropped."""

    open: frozenset[int]
    closed: frozenset[int] = frozenset()
    undropped: int = 0

    def __or__(self, other: "Found") -> "Found":
        """What was seen in either of two scans; a port that was open once is no closed one."""
        is_open = self.open | other.open
        return Found(is_open, (self.closed | other.closed) - is_open, max(self.undropped, other.undropped))


NOTHING = Found(frozenset())


@dataclass(frozen=True)
class Row:
    """Who asked whom; what should have answered, and what did."""

    source: str
    target: str
    expected: frozenset[int]
    found: Found = field(repr=False)

    @property
    def fault(self) -> str:
        """What is different, or nothing."""
        faults = []
        if more := self.found.open - self.expected:
            faults.append(f"open, and nobody's business: {ports(more)}")
        if fewer := self.expected - self.found.open - self.found.closed:
            faults.append(f"dropped: {ports(fewer)}")
        if silent := self.expected & self.found.closed:
            faults.append(f"let in, but nothing listens: {ports(silent)}")
        if refusing := self.found.closed - self.expected:
            faults.append(f"refused, not dropped: {ports(refusing)}")
        if self.found.undropped:
            faults.append(f"{self.found.undropped} ports are not dropped: is the firewall there?")
        return "; ".join(faults)


def holds(sources: Iterable[str], client: str) -> bool:
    """Whether an address is in one of these networks."""
    address = ip_address(client)
    return any(address in network for network in map(ip_network, sources))


def tcp_ports(flows: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """The TCP ports of some flows."""
    return frozenset(
        int(port) for flow in flows if flow.get("protocol", "tcp") == "tcp" for port in flow["ports"]
    )


def ports(numbers: Iterable[int]) -> str:
    """ "80, 443"."""
    return ", ".join(map(str, sorted(numbers))) or "-"


def read(text: str) -> dict[str, Found]:
    """What nmap wrote (-oG), in one scan or several, by address."""
    found: dict[str, Found] = {}
    for line in text.splitlines():
        if not line.startswith("Host: ") or "Ports: " not in line:
            continue
        states = {int(port): state for port, state in PORT.findall(line)}
        ignored = IGNORED.search(line)
        undropped = int(ignored[2]) if ignored and ignored[1] != "filtered" else 0
        address = line.split()[1]
        found[address] = found.get(address, NOTHING) | Found(
            frozenset(port for port, state in states.items() if state == "open"),
            frozenset(port for port, state in states.items() if state == "closed"),
            undropped,
        )
    return found


def own_address(target: str) -> str:
    """The address with which this computer comes to a machine. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((target, 9))
        return str(sock.getsockname()[0])


def address_of(host: str) -> str:
    """The address of a name, or of an address itself."""
    return str(socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0])


def from_inside(environment: str, folder: Path) -> tuple[dict[str, Machine], dict[str, dict[str, Found]]]:
    """The machines by name, and by the name of each what it found at which addresses. Raises StopError."""
    variables = folder / "variables.json"
    arguments = {"scan_every_port": f"{EVERY_PORT} {FAST}", "scan_patiently": PATIENTLY}
    arguments |= {"scan_begins": BEGINS, "scan_ends": ENDS}
    variables.write_text(json.dumps({"scan_dir": str(folder), **arguments}))
    playbook = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", f"inventory/{environment}"]
    run([*playbook, "playbooks/scan.yml", "-e", f"@{variables}"], env=os.environ, cwd=ROOT)
    variables.unlink()
    machines = {
        path.stem: Machine(path.stem, **json.loads(path.read_text())) for path in folder.glob("*.json")
    }
    return machines, {path.stem: read(path.read_text()) for path in folder.glob("*.gnmap")}


@contextmanager
def unremembered() -> Iterator[str]:
    """How fast nmap may ask from this computer. Raises StopError."""
    if os.geteuid() != 0:
        yield SLOW
        return
    if os.environ.get("INSTALL") == "yes":
        require_program(NFT, "nftables")
    nft = shutil.which(NFT, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if nft is None:
        say("slowly, for some minutes; faster with: sudo apt-get install --no-install-recommends nftables")
        yield SLOW
        return
    subprocess.run([nft, "--file", "-"], input=BEGINS, text=True, check=True)
    try:
        yield FAST
    finally:
        subprocess.run([nft, "--file", "-"], input=ENDS, text=True, check=True)


def from_outside(machines: Collection[Machine]) -> dict[str, Found]:
    """What this computer finds, by address. Raises StopError."""
    addresses = sorted({address_of(machine.outside) for machine in machines})
    somebodys = sorted(tcp_ports(flow for machine in machines for flow in machine.flows))
    say(f"scanning from this computer: {', '.join(addresses)}")
    with unremembered() as pace:
        every = output(["nmap", *EVERY_PORT.split(), *pace.split(), *addresses])
    if not somebodys:
        return read(every)
    return read(every + output(["nmap", *PATIENTLY.split(), ",".join(map(str, somebodys)), *addresses]))


def scan(environment: str) -> list[Row]:
    """Scan from every machine to every other and from this computer. Raises StopError."""
    require_program("nmap", "nmap")
    with tempfile.TemporaryDirectory(prefix="taskyard-scan-") as folder:
        machines, inside = from_inside(environment, Path(folder))
    filtered = [machine for _, machine in sorted(machines.items()) if machine.is_filtered]
    rows = [
        Row(
            source.name,
            target.name,
            target.lets_in(source.address),
            inside[source.name].get(target.address, NOTHING),
        )
        for source in machines.values()
        for target in filtered
        if target.address != source.address
    ]
    outside = from_outside(filtered)
    for target in filtered:
        address = address_of(target.outside)
        expected = target.lets_in(own_address(address))
        rows.append(Row(OUTSIDE, target.name, expected, outside.get(address, NOTHING)))
    return sorted(rows, key=lambda row: (row.target, row.source != OUTSIDE, row.source))


def table(rows: Iterable[Row]) -> str:
    """A line for each pair."""
    lines = [f"{'to':<24}{'from':<24}{'implied':<28}{'open':<28}"]
    for row in rows:
        verdict = "as it should be" if not row.fault else f"DIFFERS  {row.fault}"
        lines.append(
            f"{row.target:<24}{row.source:<24}{ports(row.expected):<28}{ports(row.found.open):<28}{verdict}"
        )
    return "\n".join(lines)


def main() -> int:
    """Scan and print; 0 when all is as the inventory says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", default="local", help="the inventory's folder (default: local)")
    arguments = parser.parse_args()
    try:
        rows = scan(arguments.env)
    except (StopError, subprocess.SubprocessError, OSError) as error:
        print(f"taskyard: {error}", file=sys.stderr)
        return 1
    print(f"\n{table(rows)}\n")
    wrong = sum(bool(row.fault) for row in rows)
    say(f"{len(rows)} pairs, {wrong} of them differ from what the inventory implies")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
