"""Nothing is taken from a machine while others may still ask for it (playbooks/remove.yml)."""

from __future__ import annotations

import re
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
    "tasks": [{"ansible.builtin.set_fact": {"cluster_heard_gateway": True}}],
}
# The run goes on after a host that failed as long as another one of its play did not.
FAIL = {
    "hosts": "mongodb",
    "gather_facts": False,
    "tags": ["always"],
    "tasks": [{"ansible.builtin.fail": {"msg": "It is down."}, "when": "inventory_hostname == 'data2'"}],
}


# As if all of them had Nginx and mongod. Only looked for, as nothing of it is on this computer.
MARKS = [f"/etc/systemd/system/{unit}.service.d/taskyard.conf" for unit in ("mongod", "nginx")]


def leave(folder: Path, *before: object, limit: str = "all") -> tuple[int, str]:
    """How the playbook ends after these plays, and what it says. It is a check: nothing is changed."""
    inventory = {
        "all": {
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            "children": {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in GROUPS.items()},
        }
    }
    variables = {"ansible_become": False, "__remove_marks": {"stdout_lines": MARKS}}
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
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def refused(folder: Path, *before: object, limit: str = "all") -> str:
    """Who is missing, as the refusal says it."""
    code, said = leave(folder, *before, limit=limit)
    assert code == 2, said
    assert "Remove each part" not in said
    assert "data3 shall no longer have nginx, mongodb. Nothing was removed" in said
    assert "playbooks/site.yml" in said
    return said.partition("still need it: ")[2].partition(" could not be told")[0]


def test_by_itself_it_takes_nothing_as_nobody_was_told(tmp_path: Path) -> None:
    assert refused(tmp_path) == "gateway1"


def test_one_machine_alone_is_not_taken_from_the_others(tmp_path: Path) -> None:
    assert set(refused(tmp_path, limit="data3").split(", ")) == {"gateway1", "app1", "data1", "data2"}


def test_a_machine_that_failed_was_not_told(tmp_path: Path) -> None:
    assert refused(tmp_path, TELL, FAIL) == "data2"


def test_when_all_were_told_each_machine_loses_what_its_groups_do_not_name(tmp_path: Path) -> None:
    code, said = leave(tmp_path, TELL)
    assert code == 0, said
    for unit, hosts in {
        "nginx": {"app1", "data1", "data2", "data3"},
        "mongod": {"gateway1", "app1", "data3"},
    }.items():
        looks = re.findall(rf"TASK \[unit_refresh : See whether it is ours: {unit}\] (.*?) TASK", said)
        assert set(re.findall(r"ok: \[(\w+)\]", " ".join(looks))) == hosts
