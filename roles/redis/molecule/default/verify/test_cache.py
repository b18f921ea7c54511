"""The cache as it runs: bounded, in memory only, and open to its accounts alone."""

import json
from collections.abc import Mapping

import pytest
from testinfra.host import Host

from tests.molecule.requests import listening
from tests.molecule.sandboxes import OTHERS, can_write, check_sandbox, check_score

CLI = "redis-cli --tls --cacert /etc/redis/authorities.pem"
PASSWORDS = {"tasks": "for-tests-1", "operator": 'for-tests "2" \\/+%é#'}


def ask(machine: Host, *commands: str, user: str = "", password: str | None = None) -> list[str]:
    """What Redis says to these commands, line by line, after a user has signed in."""
    secret = PASSWORDS.get(user, "") if password is None else password
    said = [f"AUTH {user} {json.dumps(secret, ensure_ascii=False)}", *commands] if user else [*commands]
    lines = machine.check_output(f"printf '%%s\\n' %s | {CLI}", "\n".join(said)).splitlines()
    return [line for line in lines if line]


def setting(machine: Host, name: str) -> str:
    answer = ask(machine, f"CONFIG GET {name}", user="operator")
    assert answer[:2] == ["OK", name]
    return "".join(answer[2:])


def test_it_listens_on_its_address_and_loopback_and_nothing_else_does(
    machine: Host, addresses: Mapping[str, str]
) -> None:
    assert listening(machine) == {"127.0.0.1:6379", f"{addresses['a']}:6379"}


def test_clients_reach_it_by_its_address(machine: Host, addresses: Mapping[str, str]) -> None:
    said = machine.check_output(f"printf 'AUTH tasks for-tests-1\\nPING\\n' | {CLI} -h %s", addresses["a"])
    assert said.split() == ["OK", "PONG"]


def test_nobody_gets_in_without_an_account(machine: Host) -> None:
    assert ask(machine, "PING")[0].startswith("NOAUTH")
    # The account of those who give none is switched off, whatever they say.
    for answer in (ask(machine, "AUTH anything"), ask(machine, user="default", password="anything")):
        assert answer[0].startswith("WRONGPASS")


@pytest.mark.parametrize("user", ["tasks", "operator", "nobody"])
def test_a_wrong_password_is_refused(machine: Host, user: str) -> None:
    assert ask(machine, user=user, password="wrong")[0].startswith("WRONGPASS")


def test_an_account_does_its_own_work_and_no_other(machine: Host) -> None:
    own = ["SET tasks:1 here", "GET tasks:1"]
    assert ask(machine, *own, user="tasks") == ["OK", "OK", "here"]
    others = ["GET auth:1", "DEL tasks:1", "KEYS *", "FLUSHALL", "CONFIG GET maxmemory", "ACL LIST"]
    refused = ask(machine, *others, user="tasks")[1:]
    assert len(refused) == len(others)
    assert all(line.startswith("NOPERM") for line in refused), refused


def test_an_account_that_the_inventory_does_not_name_is_not_there(machine: Host) -> None:
    assert set(ask(machine, "ACL USERS", user="operator")[1:]) == {"default", "tasks", "operator", "admin"}


def test_it_is_bounded_and_evicts(machine: Host) -> None:
    assert setting(machine, "maxmemory") == str(16 * 2**20)
    assert setting(machine, "maxmemory-policy") == "allkeys-lru"
    # Twice as much as fits: all of it is taken, the oldest is gone, the bound holds.
    fill = "for i in $(seq 1 320); do echo SET tasks:$i $(head -c 50000 /dev/zero | tr '\\0' x); done"
    said = machine.check_output(f"{{ echo AUTH tasks for-tests-1; {fill}; }} | {CLI} | sort | uniq -c")
    assert said.split() == ["321", "OK"]
    used = next(
        line for line in ask(machine, "INFO memory", user="operator") if line.startswith("used_memory:")
    )
    assert int(used.partition(":")[2]) <= 17 * 2**20
    stats = ask(machine, "INFO stats", user="operator")
    evicted = next(line for line in stats if line.startswith("evicted_keys:"))
    assert int(evicted.partition(":")[2]) > 0


def test_nothing_is_written_to_disk(machine: Host) -> None:
    assert setting(machine, "save") == ""
    assert setting(machine, "appendonly") == "no"
    machine.run_expect([0], "systemctl restart redis-server")
    machine.run_expect([0], f"timeout 10 sh -c 'until {CLI} PING; do sleep 0.1; done'")
    assert machine.check_output("find /var/lib/redis -type f") == ""
    assert ask(machine, "DBSIZE", user="operator")[1] == "0"


def test_it_is_started_at_boot_and_always_again(machine: Host) -> None:
    assert machine.service("redis-server").is_enabled
    shown = "--property=Restart,RestartUSec,StartLimitIntervalUSec,User,NeedDaemonReload"
    properties = dict(
        line.split("=", 1)
        for line in machine.check_output(f"systemctl show redis-server {shown}").splitlines()
    )
    assert properties == {
        "Restart": "always",
        "RestartUSec": "1s",
        "StartLimitIntervalUSec": "0",
        "User": "redis",
        "NeedDaemonReload": "no",
    }
    assert "network-online.target" in machine.check_output("systemctl show -P After redis-server")


def test_it_comes_back_when_it_is_killed(machine: Host) -> None:
    machine.run_expect([0], "systemctl kill --signal=KILL redis-server")
    machine.run_expect([0], f"timeout 20 sh -c 'until {CLI} PING | grep NOAUTH; do sleep 0.2; done'")


def test_its_accounts_can_be_read_by_redis_and_root_alone(machine: Host) -> None:
    for path in ("/etc/redis/redis.conf", "/etc/redis/users.acl"):
        file = machine.file(path)
        assert (file.user, file.group, file.mode) == ("redis", "redis", 0o640)
    assert not machine.file("/etc/redis/users.acl").contains("for-tests")


def test_it_is_in_a_sandbox_in_which_it_cannot_write_its_own_configuration(machine: Host) -> None:
    check_score(machine, "redis-server", OTHERS)
    check_sandbox(machine, "redis-server", "/var/lib/redis", "/run/redis")
    assert not can_write(
        machine, machine.check_output("systemctl show -P MainPID redis-server"), "/etc/redis"
    )
