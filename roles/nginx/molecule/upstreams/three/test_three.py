"""The gateway has three instances, and one address: a restart took the others from it."""

from testinfra.host import Host

from tests.molecule.instances import check_share
from tests.molecule.requests import listening


def test_it_listens_where_it_is_told(machine: Host) -> None:
    assert listening(machine) == {"127.0.0.1:80"}


def test_each_instance_that_is_named_serves(machine: Host) -> None:
    check_share(machine, 3)
