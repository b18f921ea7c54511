"""The unit as it runs."""

from testinfra.host import Host


def test_it_runs_now_and_at_boot_with_its_file(machine: Host) -> None:
    assert machine.service("reader").is_running
    assert machine.service("reader").is_enabled
    assert machine.file("/run/reader.read").content_string == "first\n"
