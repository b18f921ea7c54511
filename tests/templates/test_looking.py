"""What the look at a machine says, of this computer. Roles that ask are made here; nothing is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.packages import ROOT

# What Ansible takes long for is done once, for one of the processes among which the tests are shared out.
pytestmark = pytest.mark.xdist_group("looking")

READY = "Everything is there."


def say(folder: Path, asking: dict[str, dict[str, Any]], **environment: str) -> str:
    """What is said when roles of these names ask for this together (options of the role preflight)."""
    tasks: list[dict[str, Any]] = []
    for role, needs in asking.items():
        (folder / "roles" / role / "meta").mkdir(parents=True)
        (folder / "roles" / role / "tasks").mkdir()
        (folder / "roles" / role / "meta" / "argument_specs.yml").write_text("argument_specs: {main: {}}")
        asks = {"ansible.builtin.import_role": {"name": "preflight", "tasks_from": "compare"}, "vars": needs}
        (folder / "roles" / role / "tasks" / "preflight.yml").write_text(json.dumps([asks]))
        tasks.append({"ansible.builtin.import_role": {"name": role, "tasks_from": "preflight"}})
    tasks.append({"ansible.builtin.import_role": {"name": "preflight", "tasks_from": "report"}})
    tasks.append({"ansible.builtin.debug": {"msg": READY}})
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "preflight_fails": False},
        "tasks": tasks,
    }
    (folder / "play.json").write_text(json.dumps([play]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", str(folder / "play.json")],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_ROLES_PATH": f"{ROOT / 'roles'}:{folder / 'roles'}"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC"])
def test_the_clocks_are_compared_wherever_the_controller_is(tmp_path: Path, zone: str) -> None:
    said = say(tmp_path, {"early": {"preflight_clock_tolerance": 60}}, TZ=zone)
    assert READY in said, said


def test_only_an_ipv4_address_is_an_address(tmp_path: Path) -> None:
    right = {
        "right": {"preflight_addresses": {"it": "10.0.0.1"}, "preflight_networks": {"they": ["10.0.0.0/8"]}}
    }
    assert READY in say(tmp_path / "right", right)
    wrong = {"one": "db", "two": "cafe", "three": "fd00::1", "four": "10.0.0", "five": "0.0.0.0"}
    needs = {
        "preflight_addresses": wrong,
        "preflight_networks": {"they": ["gateway", "fd00::/8", "10.0.0.1"]},
    }
    said = say(tmp_path / "wrong", {"wrong": needs})
    for whose, address in wrong.items():
        assert f"{whose} is {address}, which is no IPv4 address of a machine." in said
    assert "Write one like 10.20.0.10." in said
    for network in ("gateway", "fd00::/8"):
        assert f"they has {network}, which is no IPv4 address and no network." in said
    assert "they has 10.0.0.1" not in said


def test_what_roles_share_is_added_up_over_all_of_them(tmp_path: Path) -> None:
    asking = {
        "one": {"preflight_memory_mib": 10**9, "preflight_ports": {"18765": "one.service"}},
        "other": {"preflight_memory_mib": 10**9, "preflight_ports": {"18765": "other.service"}},
    }
    said = say(tmp_path, asking)
    assert "MiB of memory; 2000000000 MiB are needed (one 1000000000, other 1000000000)." in said
    assert "Port 18765 is given to one.service and other.service." in said
    assert READY not in said
