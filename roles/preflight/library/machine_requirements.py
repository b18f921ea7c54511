#!/usr/bin/python
"""Ansible module: does this machine have what is about to be installed on it? It changes nothing."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shutil
import struct
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: machine_requirements
short_description: Compare a machine with what is required of it
description:
  - Looks at memory, disks, processor, clock, listening sockets, names and downloads, and changes nothing.
  - All that is missing is returned at once, each with what to do about it; the module itself does not fail.
options:
  needs:
    description:
      - What each role needs. Memory, and space of one file system, are added up.
    type: list
    elements: dict
    required: true
    suboptions:
      role:
        description: Whose needs they are.
        type: str
        required: true
      memory_mib:
        description: Memory, in MiB. A container's limit counts as the machine's memory.
        type: int
        default: 0
      disk_mib:
        description: "Free space, {folder: MiB}. Of a folder to be made, its parent counts."
        type: dict
        default: {}
      ports:
        description: "TCP ports, {port: unit}. Only that systemd unit may listen there already."
        type: dict
        default: {}
      cpu_flags:
        description: Features that an x86-64 processor has to have, as in /proc/cpuinfo.
        type: list
        elements: str
        default: []
      names:
        description: "Addresses of other machines, {name: address}: /etc/hosts may not say otherwise."
        type: dict
        default: {}
      addresses:
        description: "IPv4 addresses, {whose: address}, at which machines reach each other."
        type: dict
        default: {}
      networks:
        description: "IPv4 addresses or networks, {whose: [address]}."
        type: dict
        default: {}
      downloads:
        description: URLs that apt has to be able to reach, by its own settings for proxies and certificates.
        type: list
        elements: str
        default: []
      package_lists:
        description: Whether the repositories that apt knows have to be reachable, too.
        type: bool
        default: false
      apt_options:
        description: "Settings of apt that are not on the machine yet, {name: value}."
        type: dict
        default: {}
      clock_tolerance:
        description: By how much the two clocks may differ, in seconds. 0 asks nothing of the clock.
        type: int
        default: 0
  controller_time:
    description: The time on the controller, in seconds since 1970 (UTC).
    type: float
    required: true
author: Taskyard
"""

RETURN = r"""
problems:
  description: What is missing, and what to do.
  returned: always
  type: list
  elements: dict
  sample: [{"problem": "Port 80 is taken by apache2.service.", "remedy": "Stop it, or choose another port."}]
"""

APT_HELPER = "/usr/lib/apt/apt-helper"
DOWNLOAD_SECONDS = 5
LISTENING = "0A"
UNIT = re.compile(r"/([^/]+\.(?:service|socket))(?:/|$)", re.MULTILINE)
Problem = dict[str, str]
# What Debian calls itself; the role base removes that.
OWN_NAME = "127.0.1.1"
# What the role base has written; it is going to write it anew.
OWN_BLOCK = re.compile(r"^# BEGIN (the machines of this cluster.*)$.*?^# END \1$", re.MULTILINE | re.DOTALL)


def problem(what: str, remedy: str) -> Problem:
    return {"problem": what, "remedy": remedy}


# --- memory, disks, processor, clock ---


def memory_mib() -> int:
    """What this machine may use: all there is, or what a container was given."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    known = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemTotal:"))
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            known = min(known, int(Path(limit).read_text()) // 2**20)
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
    return known


def shares(needed: list[tuple[str, int]]) -> str:
    """ "1448 MiB are needed", and of several by whom."""
    total = f"{sum(mib for _, mib in needed)} MiB are needed"
    return total if len(needed) == 1 else f"{total} ({', '.join(f'{who} {mib}' for who, mib in needed)})"


def check_memory(needs: list[dict[str, Any]]) -> Iterator[Problem]:
    needed = [(need["role"], need["memory_mib"]) for need in needs if need["memory_mib"]]
    found = memory_mib()
    if found < sum(mib for _, mib in needed):
        yield problem(
            f"It has {found} MiB of memory; {shares(needed)}.",
            "Give the machine more memory, or less to do.",
        )


def existing(folder: str) -> Path:
    """The folder, or of one to be made the nearest parent that is there."""
    place = Path(folder)
    while not place.is_dir():
        place = place.parent
    return place


def check_disk(needs: list[dict[str, Any]]) -> Iterator[Problem]:
    file_systems: dict[int, list[tuple[str, str, int]]] = {}
    for need in needs:
        for folder, mib in need["disk_mib"].items():
            device = existing(folder).stat().st_dev
            file_systems.setdefault(device, []).append((need["role"], folder, int(mib)))
    for wanted in file_systems.values():
        folders = list(dict.fromkeys(folder for _, folder, _ in wanted))
        place = existing(folders[0])
        free = shutil.disk_usage(place).free // 2**20
        if free < sum(mib for _, _, mib in wanted):
            name = folders[0] if len(folders) == 1 else f"The disk of {', '.join(folders)}"
            yield problem(
                f"{name} has {free} MiB of free space; {shares([(role, mib) for role, _, mib in wanted])}.",
                f"Make room on the disk of {place} (df -h {place}), or mount a larger one.",
            )


def check_cpu(required: list[str]) -> Iterator[Problem]:
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    missing = sorted(set(required) - set(flags[1].split())) if flags else []
    if missing:
        yield problem(
            f"Its processor has no {', '.join(missing)}.",
            "In a virtual machine, pass the host's processor through (libvirt: cpu mode='host-passthrough').",
        )


def check_clock(controller: float, tolerance: int) -> Iterator[Problem]:
    ahead = round(time.time() - controller)
    if controller and abs(ahead) > tolerance:
        yield problem(
            f"Its clock is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} this computer's.",
            "Let both set their clocks by the network: timedatectl set-ntp true (package systemd-timesyncd).",
        )


# --- ports ---


def listening_sockets() -> dict[int, set[str]]:
    """{port: {inode, …}} of the sockets that listen, from /proc/net."""
    found: dict[int, set[str]] = {}
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            columns = line.split()
            if columns[3] == LISTENING:
                (port,) = struct.unpack(">H", bytes.fromhex(columns[1].rsplit(":", 1)[1]))
                found.setdefault(port, set()).add(columns[9])
    return found


def links_in(folder: Path) -> Iterator[str]:
    for descriptor in folder.iterdir():
        # A busy program closes files all the time: the one that is gone does not hide the others.
        with contextlib.suppress(FileNotFoundError):
            yield str(descriptor.readlink())


def owners() -> dict[str, tuple[str, str]]:
    """{inode: (unit or "", command)} of all sockets that a process holds."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            links = list(links_in(process / "fd"))
            unit = UNIT.search((process / "cgroup").read_text())
            command = (process / "comm").read_text().strip()
        except OSError:  # it has ended meanwhile
            continue
        for link in links:
            if link.startswith("socket:["):
                found[link[len("socket:[") : -1]] = (unit[1] if unit else "", command)
    return found


def check_ports(needs: list[dict[str, Any]]) -> Iterator[Problem]:
    wanted: dict[int, list[str]] = {}
    for need in needs:
        for port, unit in need["ports"].items():
            wanted.setdefault(int(port), []).append(unit)
    for port, units in wanted.items():
        if len(set(units)) > 1:
            yield problem(
                f"Port {port} is given to {' and '.join(dict.fromkeys(units))}.",
                "Set another port for one of them in the inventory.",
            )
    sockets = listening_sockets()
    held = owners() if wanted.keys() & sockets.keys() else {}
    for port in wanted.keys() & sockets.keys():
        others = sorted({held.get(inode, ("", "something")) for inode in sockets[port]})
        for other, command in others:
            if other not in wanted[port]:
                yield problem(
                    f"Port {port} is taken by {other or command}, and {wanted[port][0]} shall listen there.",
                    f"Stop it (systemctl disable --now {other}), or choose another port."
                    if other
                    else "Stop it (ss -ltnp shows it), or choose another port.",
                )


# --- the network ---


def check_addresses(required: dict[str, str]) -> Iterator[Problem]:
    for whose, address in required.items():
        try:
            if not ipaddress.IPv4Address(str(address)).is_unspecified:
                continue
        except ValueError:
            pass
        yield problem(
            f"{whose} is {address}, which is no IPv4 address of a machine.",
            "Write one like 10.20.0.10. For all parts of a machine set private_address in the inventory.",
        )


def check_networks(required: dict[str, list[str]]) -> Iterator[Problem]:
    for whose, networks in required.items():
        for network in networks:
            try:
                ipaddress.IPv4Network(str(network))
            except ValueError:
                yield problem(
                    f"{whose} has {network}, which is no IPv4 address and no network.",
                    "Write one like 10.20.0.10 or 10.20.0.0/24. For a gateway set its private_address.",
                )


def check_hosts_file(required: dict[str, str]) -> Iterator[Problem]:
    """/etc/hosts wins over the DNS, and its first line wins over the others."""
    known: dict[str, str] = {}
    for line in OWN_BLOCK.sub("", Path("/etc/hosts").read_text(errors="replace")).splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            known.setdefault(name, address)
    for name, address in required.items():
        found = known.get(name, address)
        if found not in (address, OWN_NAME):
            yield problem(
                f"/etc/hosts says that {name} is {found}, the inventory says {address}.",
                "Remove that line from /etc/hosts, or correct the inventory (private_address).",
            )


def repositories(module: AnsibleModule) -> list[str]:
    """The address of every package list's signature that apt would read."""
    form = "$(REPO_URI)dists/$(RELEASE)/InRelease"
    code, output, _ = module.run_command(["apt-get", "indextargets", "--format", form])
    return sorted(set(output.split())) if code == 0 else []


def check_downloads(module: AnsibleModule, urls: list[str], apt_options: dict[str, str]) -> Iterator[Problem]:
    options = [f"Acquire::{kind}::Timeout={DOWNLOAD_SECONDS}" for kind in ("http", "https")]
    options += ["Acquire::Retries=2", *(f"{name}={value}" for name, value in apt_options.items())]
    arguments = [argument for option in options for argument in ("-o", option)]

    def unreachable(url: str) -> Problem | None:
        with tempfile.TemporaryDirectory() as folder:
            # apt's own user writes it.
            Path(folder).chmod(0o777)
            command = [APT_HELPER, *arguments, "download-file", url, f"{folder}/download"]
            code, output, errors = module.run_command(command)
        if code == 0:
            return None
        reasons = [line[2:].strip() for line in (output + errors).splitlines() if line.startswith("E:")]
        return problem(
            f"{url} cannot be fetched: {' '.join(reasons) or 'apt-helper failed'}",
            "Let the machine reach it, or name a mirror or a proxy (base_apt_mirror, base_apt_proxy).",
        )

    with ThreadPoolExecutor(8) as threads:
        yield from filter(None, threads.map(unreachable, urls))


def check_alone(module: AnsibleModule, need: dict[str, Any], controller_time: float) -> Iterator[Problem]:
    """What a role needs whatever the others do."""
    yield from check_cpu(need["cpu_flags"])
    if need["clock_tolerance"]:
        yield from check_clock(controller_time, need["clock_tolerance"])
    yield from check_addresses(need["addresses"])
    yield from check_networks(need["networks"])
    yield from check_hosts_file(need["names"])
    urls = need["downloads"] + (repositories(module) if need["package_lists"] else [])
    yield from check_downloads(module, urls, need["apt_options"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "needs": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "role": {"type": "str", "required": True},
                    "memory_mib": {"type": "int", "default": 0},
                    "disk_mib": {"type": "dict", "default": {}},
                    "ports": {"type": "dict", "default": {}},
                    "cpu_flags": {"type": "list", "elements": "str", "default": []},
                    "names": {"type": "dict", "default": {}},
                    "addresses": {"type": "dict", "default": {}},
                    "networks": {"type": "dict", "default": {}},
                    "downloads": {"type": "list", "elements": "str", "default": []},
                    "package_lists": {"type": "bool", "default": False},
                    "apt_options": {"type": "dict", "default": {}},
                    "clock_tolerance": {"type": "int", "default": 0},
                },
            },
            "controller_time": {"type": "float", "required": True},
        },
        supports_check_mode=True,
    )
    needs, controller_time = module.params["needs"], module.params["controller_time"]
    module.exit_json(
        changed=False,
        problems=[
            *(each for need in needs for each in check_alone(module, need, controller_time)),
            *check_memory(needs),
            *check_disk(needs),
            *check_ports(needs),
        ],
    )


if __name__ == "__main__":
    main()
