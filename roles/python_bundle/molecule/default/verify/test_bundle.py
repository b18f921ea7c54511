"""The bundle as those who use it find it."""

import pytest
from testinfra.host import Host


@pytest.fixture(scope="module")
def bundle(machine: Host) -> str:
    """The folder of the only version that there is."""
    folder: str
    (folder,) = machine.check_output("ls -d /opt/taskyard/admin/*").split()
    return folder


def test_it_is_complete_and_says_which_version_it_is(machine: Host, bundle: str) -> None:
    assert machine.file(f"{bundle}/.complete").content_string.strip() == bundle.rpartition("/")[2]
    assert set(machine.check_output("ls -A %s", bundle).split()) == {".complete", "venv"}


def test_its_packages_can_be_imported_by_anybody(machine: Host, bundle: str) -> None:
    python = f"{bundle}/venv/bin/python"
    script = "import pymongo; print(pymongo.__file__)"
    assert machine.check_output("runuser -u nobody -- %s -c %s", python, script).startswith(f"{bundle}/venv/")


def test_it_belongs_to_root_and_nobody_else_may_write_it(machine: Host, bundle: str) -> None:
    foreign = machine.check_output(
        r"find %s \( -not -user root -o -not -group root -o -perm /022 \) -not -type l", bundle
    )
    assert foreign == ""


def test_python_need_not_compile_it_again(machine: Host, bundle: str) -> None:
    assert machine.check_output("find %s/venv -name 'pymongo' -prune -o -name '*.pyc' -print -quit", bundle)
