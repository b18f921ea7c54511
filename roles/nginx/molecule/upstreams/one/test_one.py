"""The gateway has one instance, and all addresses again."""

from testinfra.host import Host

from tests.molecule.instances import check_share
from tests.molecule.requests import listening


def test_it_listens_where_it_is_told(machine: Host) -> None:
    assert listening(machine) == {"0.0.0.0:80"}


def test_each_instance_that_is_named_serves(machine: Host) -> None:
    check_share(machine, 1)
