"""A primary that takes the writes, and a replica that has them too."""

from collections.abc import Callable, Mapping

import pytest
from testinfra.host import Host

Ask = Callable[..., list[str]]


def test_each_is_what_the_inventory_says(
    machines: Mapping[str, Host], addresses: Mapping[str, str], ask: Ask
) -> None:
    role, *rest = ask(machines["a"], "ROLE")[1:]
    assert (role, rest[1]) == ("master", addresses["b"])
    assert ask(machines["b"], "ROLE")[1:5] == ["slave", addresses["a"], "6379", "connected"]


def test_what_is_written_to_the_primary_is_read_from_the_replica(
    machines: Mapping[str, Host], ask: Ask
) -> None:
    assert ask(machines["a"], "SET tasks:1 here", "WAIT 1 5000") == ["OK", "OK", "1"]
    assert ask(machines["b"], "GET tasks:1") == ["OK", "here"]


def test_the_replica_takes_no_writes(machines: Mapping[str, Host], ask: Ask) -> None:
    assert ask(machines["b"], "SET tasks:1 there")[1].startswith("READONLY")


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_account_for_replicas_reads_nothing_and_changes_nothing(
    machines: Mapping[str, Host], ask: Ask, name: str
) -> None:
    commands = ["GET tasks:1", "SET tasks:1 x", "REPLICAOF NO ONE", "CONFIG GET masterauth", "INFO"]
    signed_in, *refused = ask(machines[name], *commands, user="replication", password='for-tests "3" \\/+%é#')
    assert signed_in == "OK"
    assert len(refused) == len(commands)
    assert all(line.startswith("NOPERM") for line in refused), refused


def test_a_wrong_password_is_refused(machines: Mapping[str, Host], ask: Ask) -> None:
    said = ask(machines["a"], user="replication", password="wrong")
    assert said[0].startswith("WRONGPASS")


def test_the_password_can_be_read_by_redis_and_root_alone(machines: Mapping[str, Host]) -> None:
    file = machines["b"].file("/etc/redis/redis.conf")
    assert (file.user, file.group, file.mode) == ("redis", "redis", 0o640)
    assert not machines["a"].file("/etc/redis/redis.conf").contains("for-tests")
    shown = machines["b"].check_output("systemctl show redis-server; ps -eo args; journalctl -u redis-server")
    assert "for-tests" not in shown
