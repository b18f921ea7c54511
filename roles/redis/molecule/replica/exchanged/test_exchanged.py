"""The replica signs in with its new password, and nobody with the former one."""

from collections.abc import Callable, Mapping

import pytest
from testinfra.host import Host

Ask = Callable[..., list[str]]


def test_it_copies_its_primary(machines: Mapping[str, Host], addresses: Mapping[str, str], ask: Ask) -> None:
    assert ask(machines["b"], "ROLE")[1:5] == ["slave", addresses["a"], "6379", "connected"]
    assert ask(machines["a"], "SET tasks:3 later", "WAIT 1 5000") == ["OK", "OK", "1"]
    assert ask(machines["b"], "GET tasks:3") == ["OK", "later"]


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_former_password_opens_nothing(machines: Mapping[str, Host], ask: Ask, name: str) -> None:
    former, current = 'for-tests "3" \\/+%é#', "for-tests-4"
    assert ask(machines[name], user="replication", password=former)[0].startswith("WRONGPASS")
    assert ask(machines[name], user="replication", password=current) == ["OK"]
