"""The release in use, as the services find it."""

import json

from testinfra.host import Host

from tools.sbom import same_name

CURRENT = "/opt/taskyard/current"


def test_the_link_leads_to_a_complete_release(machine: Host) -> None:
    target = machine.check_output(f"readlink {CURRENT}")
    assert target.startswith("releases/")
    assert machine.file(f"{CURRENT}/.complete").content_string.strip() == target.removeprefix("releases/")


def test_the_services_can_be_imported_by_anybody(machine: Host) -> None:
    python = f"cd {CURRENT} && runuser -u nobody -- venv/bin/python -c %s"
    machine.run_expect([0], python, "import app.auth.application, app.tasks.application")


def test_it_belongs_to_root_and_nobody_else_may_write_it(machine: Host) -> None:
    search = r"find /opt/taskyard/ \( -not -user root -o -perm /022 \) -not -type l"
    assert machine.check_output(search) == ""


def test_its_bill_of_materials_lists_the_packages_that_its_python_finds(machine: Host) -> None:
    script = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    found = machine.check_output(f"{CURRENT}/venv/bin/python -c %s", script).splitlines()
    document = json.loads(machine.file(f"{CURRENT}/sbom.cdx.json").content_string)
    listed = {(each["name"], each["version"]) for each in document["components"]}
    assert listed == {(same_name(name), version) for name, version in map(str.split, found)}
    assert document["metadata"]["component"]["version"] == machine.check_output(f"cat {CURRENT}/.complete")
