"""The release in use, as the services find it."""

from testinfra.host import Host

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
