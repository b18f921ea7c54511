"""Nothing is taken from a machine while others may still ask for it (playbooks/remove.yml)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tools.packages import ROOT

# What Ansible takes long for is done once, for one of the processes among which the tests are shared out.
pytestmark = pytest.mark.xdist_group("leaving")

GROUPS = {
    "gateway": ["gateway1"],
    "auth_service": ["app1"],
    "task_service": ["app1"],
    "mongodb": ["data1", "data2"],
    "redis": ["data1"],
    "retired": ["data3"],
}
TELL = {
    "hosts": "gateway",
    "gather_facts": False,
    "tags": ["always"],
    "tasks": [{"ansible.builtin.set_fact": {"cluster_gateway_is_told": True}}],
}
# The run goes on after a host that failed as long as another one of its play did not.
FAIL = {
    "hosts": "mongodb",
    "gather_facts": False,
    "tags": ["always"],
    "tasks": [{"ansible.builtin.fail": {"msg": "It is down."}, "when": "inventory_hostname == 'data2'"}],
}


def leave(folder: Path, *before: object, limit: str = "all") -> str:
    """What is said when data3, which has mongod, shall leave after these plays. Only checked, not done."""
    inventory = {
        "all": {
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            "children": {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in GROUPS.items()},
        }
    }
    variables = {
        "ansible_become": False,
        "remove_leaving": "{{ ['mongodb'] if inventory_hostname == 'data3' else [] }}",
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (folder / "variables.yml").write_text(yaml.safe_dump(variables))
    playbook = [*before, {"ansible.builtin.import_playbook": str(ROOT / "playbooks" / "remove.yml")}]
    (folder / "playbook.yml").write_text(yaml.safe_dump(playbook))
    files = ["-i", folder / "hosts.yml", "-e", f"@{folder / 'variables.yml'}", folder / "playbook.yml"]
    how = ["--check", "--tags=remove", f"--limit={limit}"]
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", *how, *map(str, files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    assert "TASK [Remove" not in said
    assert "data3 shall no longer have mongodb. Nothing was removed" in said
    assert "playbooks/site.yml" in said
    return said


def test_by_itself_it_takes_nothing_as_nobody_was_told(tmp_path: Path) -> None:
    assert "gateway1 could not be told" in leave(tmp_path)


def test_one_machine_alone_is_not_taken_from_the_others(tmp_path: Path) -> None:
    said = leave(tmp_path, limit="data3")
    for name in ("gateway1", "app1", "data1", "data2"):
        assert name in said.partition("still need it: ")[2].partition(" could not be told")[0]


def test_a_machine_that_failed_was_not_told(tmp_path: Path) -> None:
    assert "still need it: data2 could not be told" in leave(tmp_path, TELL, FAIL)
