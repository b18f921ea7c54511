"""DevSec's controls for Linux and SSH hold, or there is a reason (tests/baselines)."""

import pytest
from testinfra.host import Host

from tests.baselines import linux, ssh
from tests.baselines.controls import Baseline


@pytest.mark.parametrize("baseline", [linux.BASELINE, ssh.BASELINE], ids=["linux", "ssh"])
def test_every_control_holds_or_is_waived(machine: Host, baseline: Baseline) -> None:
    rows = list(baseline.rows(machine))
    print(*rows, sep="\n")
    assert [str(row) for row in rows if row.outcome == "failed"] == []
