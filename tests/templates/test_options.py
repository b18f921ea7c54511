"""Options of the wrong type are told by their names, all at once, before a machine is looked at."""

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tools.packages import ROOT

# What Ansible takes long for is done once, for one of the processes among which the tests are shared out.
pytestmark = pytest.mark.xdist_group("options")

ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/tasks/preflight.yml"))
# What Ansible cannot read as the type.
WRONG = {"int": "many", "float": "much", "bool": "perhaps", "list": {"one": 1}, "dict": "nothing"}


def wrong_values(role: str) -> dict[str, Any]:
    """{option: a value that it cannot have} of each of the role's options that can be wrong."""
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    options = spec["argument_specs"]["main"]["options"]
    values = {
        name: "none of them" if option.get("choices") else WRONG.get(option["type"])
        for name, option in options.items()
    }
    return {name: value for name, value in values.items() if value is not None}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What all roles say together, as playbooks/preflight.yml would let them."""
    folder = tmp_path_factory.mktemp("options")
    values: dict[str, Any] = {"preflight_fails": False}
    for role in ROLES:
        values |= wrong_values(role)
    asking = [{"ansible.builtin.include_role": {"name": role, "tasks_from": "preflight"}} for role in ROLES]
    reporting = {"ansible.builtin.include_role": {"name": "preflight", "tasks_from": "report"}}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        # Each is asked, also when another one breaks down.
        "tasks": [*({**task, "ignore_errors": True} for task in asking), reporting],
    }
    (folder / "values.json").write_text(json.dumps(values))
    (folder / "play.json").write_text(json.dumps([play]))
    files = (str(folder / "play.json"), "-e", f"@{folder / 'values.json'}")
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    return said.partition("localhost is not ready, and nothing has been changed on it:")[2] or said


@pytest.mark.parametrize("role", ROLES)
def test_options_that_are_none_are_told_by_their_names(told: str, role: str) -> None:
    wrong = wrong_values(role)
    assert wrong
    assert [name for name in wrong if name not in told] == [], told
    assert f"The options of the role {role} are explained in roles/{role}/README.md." in told
