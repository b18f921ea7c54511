"""DevSec's controls for Nginx hold, or there is a reason (tests/baselines)."""

from testinfra.host import Host

from tests.baselines import nginx


def test_every_control_holds_or_is_waived(machine: Host) -> None:
    rows = list(nginx.rows(machine))
    print(*rows, sep="\n")
    assert [str(row) for row in rows if row.outcome == "failed"] == []
