"""What the inventory says about the machines, read the way Ansible and the Vagrantfile read it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

Tree = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]


def merged(one: Any, other: Any) -> Any:
    """Deep merge; `other` wins, and where it says nothing (null) `one` stays."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: merged(one.get(key), other.get(key)) for key in [*one, *(k for k in other if k not in one)]
        }
    return one if other is None else other


def load(path: Path) -> Tree:
    data = yaml.safe_load(path.read_text()) if path.exists() else None
    if data is not None and not isinstance(data, dict):
        raise ValueError(f"{path} is not a YAML inventory: a mapping was expected")
    return data or {}


def merged_all(trees: Iterable[Tree]) -> Tree:
    whole: Tree = {}
    for tree in trees:
        whole = merged(whole, tree)
    return whole


def hosts_of(files: Iterable[Tree]) -> dict[str, Tree]:
    """Every host with its variables: its own beat those of its groups, inner groups beat outer ones."""
    trees = list(files)
    whole = merged_all(trees)
    found = {name: {**of_groups, **own} for name, (of_groups, own) in _collect(whole).items()}
    for tree in trees:
        for name, (_, own) in _collect(tree).items():
            found[name].update(own)
    return found


def _collect(inventory: Tree) -> dict[str, tuple[Tree, Tree]]:
    """For each host what its groups say, and what it says itself."""
    found: dict[str, tuple[Tree, Tree]] = {}

    def visit(groups: Tree, inherited: Tree) -> None:
        for group in (value or {} for value in groups.values()):
            variables = {**inherited, **(group.get("vars") or {})}
            for name, own in (group.get("hosts") or {}).items():
                of_groups, before = found.get(name, ({}, {}))
                found[name] = ({**of_groups, **variables}, {**before, **(own or {})})
            visit(group.get("children") or {}, variables)

    visit(inventory, {})
    return found


def as_address(value: Any) -> IPv4Address | None:
    try:
        return IPv4Address(value) if isinstance(value, str) else None
    except ValueError:
        return None


def moved(tree: Tree, old: IPv4Network, new: IPv4Network) -> Tree:
    """The part of `tree` whose values are addresses in `old`, with the same addresses in `new`."""
    result: Tree = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            inner = moved(value, old, new)
            if inner:
                result[key] = inner
        elif (address := as_address(value)) is not None and address in old:
            result[key] = str(new[int(address) - int(old.network_address)])
    return result


def without(tree: Tree, part: Tree) -> Tree:
    """`tree` without the leaves that `part` holds with the same value; emptied mappings go too."""
    result: Tree = {}
    for key, value in tree.items():
        if key not in part:
            result[key] = value
        elif isinstance(value, dict) and isinstance(part[key], dict):
            inner = without(value, part[key])
            if inner:
                result[key] = inner
        elif value != part[key]:
            result[key] = value
    return result


@dataclass(frozen=True)
class Cluster:
    """One environment of one checkout. Everything that it makes on this computer carries its id."""

    env: str = "local"
    root: Path = ROOT

    @cached_property
    def id(self) -> str:
        return hashlib.sha256(self.owner.encode()).hexdigest()[:8]

    @property
    def owner(self) -> str:
        """Where it belongs, as bridges and containers carry it: CHECKOUT:ENVIRONMENT."""
        return f"{self.root.resolve()}:{self.env}"

    @property
    def bridge(self) -> str:
        return f"ty-{self.id}"

    @property
    def libvirt_network(self) -> str:
        return f"taskyard-{self.id}"

    def machine(self, host: str) -> str:
        return f"taskyard-{self.id}-{host}"

    def command(self, target: str) -> str:
        """What to type in the checkout."""
        return f"make {target}" + ("" if self.env == "local" else f" ENV={self.env}")

    @property
    def folder(self) -> Path:
        return self.root / "inventory" / self.env

    @property
    def override(self) -> Path:
        return self.folder / "override.yml"

    @property
    def secrets(self) -> Path:
        return self.folder / ".secrets"

    @property
    def key(self) -> Path:
        return self.secrets / "ssh_key"

    @property
    def dotfile(self) -> Path:
        """Vagrant's notes about the machines (VAGRANT_DOTFILE_PATH)."""
        return self.root / ".vagrant" if self.env == "local" else self.root / ".vagrant" / "envs" / self.env

    def files(self) -> list[Tree]:
        return [load(file) for file in sorted(self.folder.glob("*.yml"))]

    def inventory(self) -> Tree:
        return merged_all(self.files())

    def inventory_without_override(self) -> Tree:
        return merged_all(load(file) for file in sorted(self.folder.glob("*.yml")) if file != self.override)

    def hosts(self) -> dict[str, Tree]:
        hosts = hosts_of(self.files())
        missing = [
            name for name, variables in hosts.items() if as_address(variables.get("ansible_host")) is None
        ]
        if missing:
            raise ValueError(f"{self.folder}: {', '.join(missing)}: ansible_host must be an IPv4 address")
        return hosts

    def variables(self) -> Tree:
        return (self.inventory().get("all") or {}).get("vars") or {}

    def subnet(self) -> IPv4Network:
        """The one /24 that all machines of the cluster share."""
        subnets = {IPv4Network((v["ansible_host"], 24), strict=False) for v in self.hosts().values()}
        if len(subnets) != 1:
            raise ValueError(
                f"{self.folder}: the machines must share one /24 network, these do not: {sorted(subnets)}"
            )
        return subnets.pop()

    def vagrant_id(self, host: str) -> Path | None:
        """The file in which Vagrant notes that it made this machine."""
        return next(iter(self.dotfile.glob(f"machines/{host}/*/id")), None)
