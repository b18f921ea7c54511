"""Inventories: the example that the document begins with, and what operators make of it for their servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from tools.packages import ROOT

EXAMPLE = ROOT / "inventory" / "production.example" / "hosts.yml"
Tree = dict[str, Any]


def example() -> Tree:
    """The example, below its `all`."""
    tree: Tree = yaml.safe_load(EXAMPLE.read_text())["all"]
    return tree


@dataclass(frozen=True)
class Spread:
    """How a cluster is spread over servers.

    `systems` says what each runs, {name: "debian-12"}; `hosts` has variables of single ones; `groups` names
    the members of each group; `closed` ones get packages from a mirror alone.
    """

    systems: Mapping[str, str]
    groups: Mapping[str, Sequence[str]]
    hosts: Mapping[str, Tree] = field(default_factory=dict)
    closed: bool = False

    def tree(self, addresses: Mapping[str, Tree]) -> Tree:
        """The example with these servers at these addresses, {name: {"ansible_host": …, …}}."""
        tree = example()
        tree["hosts"] = {name: {**self.hosts.get(name, {}), **addresses[name]} for name in self.systems}
        for group, members in self.groups.items():
            tree["children"][group]["hosts"] = dict.fromkeys(members)
        # MongoDB's repository is far away, and not what is tried here.
        tree["children"]["mongodb"]["vars"]["mongodb_source"] = "wheel"
        return tree


def on_one(system: str) -> Spread:
    """Everything on one server."""
    name = "taskyard1.example.org"
    groups = ("gateway", "auth_service", "task_service", "mongodb", "redis")
    return Spread({name: system}, {group: [name] for group in groups})


def as_in_the_example(systems: Mapping[str, str], more_apps: Sequence[str]) -> Spread:
    """The example's own servers, and more app servers."""
    tree = example()
    groups = {group: list((content or {}).get("hosts") or {}) for group, content in tree["children"].items()}
    for group in ("auth_service", "task_service"):
        groups[group] += more_apps
    own = ("ansible_host", "private_address")
    hosts = {
        name: {key: value for key, value in variables.items() if key not in own}
        for name, variables in tree["hosts"].items()
    }
    return Spread(systems, {name: members for name, members in groups.items() if members}, hosts)
