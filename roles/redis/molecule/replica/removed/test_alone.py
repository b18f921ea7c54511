"""The replica is gone, and the primary goes on by itself."""

from collections.abc import Callable, Mapping

from testinfra.host import Host

Ask = Callable[..., list[str]]


def test_the_primary_goes_on_alone(machines: Mapping[str, Host], ask: Ask) -> None:
    assert not machines["a"].package("redis-server").is_installed
    assert ask(machines["b"], "GET tasks:2", "SET tasks:3 here") == ["OK", "here", "OK"]
    roles = ask(machines["b"], "ROLE")
    assert (roles[1], len(roles)) == ("master", 3)  # its name and its offset; no replica follows
