"""The machines of a role's scenario (a pytest plugin: `.config/molecule/config.yml` loads it)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import testinfra
from testinfra.host import Host


@pytest.fixture(scope="session")
def machines() -> Mapping[str, Host]:
    """The scenario's machines by the end of their names: `a`, `b`, …"""
    prefix = os.environ["MOLECULE_PREFIX"]
    names = inventory()["_meta"]["hostvars"]
    return {name.removeprefix(f"{prefix}-"): connected(name) for name in names}


def connected(name: str) -> Host:
    """A machine as its root sees it."""
    return testinfra.get_host(f"ssh://{name}", ssh_config=os.environ["MOLECULE_SSH_CONFIG"], timeout=60)


@pytest.fixture(scope="session")
def machine(machines: Mapping[str, Host]) -> Host:
    """The first machine."""
    return machines["a"]


@pytest.fixture(scope="session")
def addresses(machines: Mapping[str, Host]) -> Mapping[str, str]:
    """Where each machine is reached by the others."""
    return {name: machine.check_output("hostname -I").split()[0] for name, machine in machines.items()}


def inventory() -> dict[str, Any]:
    """The scenario's inventory as Ansible sees it."""
    command = ["ansible-inventory", "-i", os.environ["MOLECULE_INVENTORY_FILE"], "--list"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found
