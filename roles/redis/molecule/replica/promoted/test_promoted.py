"""The replica has become the primary, and the old primary copies it."""

from collections.abc import Callable, Mapping

from testinfra.host import Host

Ask = Callable[..., list[str]]


def test_they_have_changed_places(
    machines: Mapping[str, Host], addresses: Mapping[str, str], ask: Ask
) -> None:
    assert ask(machines["b"], "ROLE")[1] == "master"
    assert ask(machines["a"], "ROLE")[1:5] == ["slave", addresses["b"], "6379", "connected"]
    assert not machines["b"].file("/etc/redis/redis.conf").contains("replicaof")


def test_the_new_primary_takes_the_writes(machines: Mapping[str, Host], ask: Ask) -> None:
    assert ask(machines["b"], "SET tasks:2 here", "WAIT 1 5000") == ["OK", "OK", "1"]
    assert ask(machines["a"], "GET tasks:2") == ["OK", "here"]
