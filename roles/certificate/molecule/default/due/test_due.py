"""A certificate whose end came near."""

from datetime import timedelta

from testinfra.host import Host

from tests.molecule.certificates import in_file


def test_it_was_renewed_in_time(machine: Host) -> None:
    before, now = (in_file(machine, path) for path in ("/root/before.pem", "/etc/sample.pem"))
    assert before.not_valid_after_utc - before.not_valid_before_utc == timedelta(days=59)
    assert now.not_valid_after_utc - now.not_valid_before_utc == timedelta(days=365)
