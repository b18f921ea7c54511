"""The ten steps of docs/real-hosts.md, and what each has to show."""

from __future__ import annotations

from tests.e2e.machines import recap
from tests.real_hosts.operator_at_work import Operator

NUMBERED = [str(number) for number in range(1, 11)]
# What every client may see.
NO_SECRET = {"ca_certificate.pem"}


def get_ready(operator: Operator) -> None:
    """Steps 1 to 6: Ansible, an inventory, host keys, Python, and nothing in the way."""
    for step in ("1", "2", "3"):
        operator.follow(step)
    answers = operator.follow("4")
    assert answers.split().count("root") == len(operator.servers), "each server answers root"
    operator.follow("5")
    for server in operator.servers.values():
        assert server.inside.exists("python3")
    table = recap(operator.follow("6"))
    assert set(table) == set(operator.servers)
    changes_nothing(table)


def look_first(operator: Operator) -> None:
    """Step 7, its first half: a check of fresh servers ends well, and changes none of them."""
    operator.follow("7", 0)
    for server in operator.servers.values():
        assert not server.inside.file("/opt/taskyard").exists
        assert not server.inside.file("/etc/mongodb").exists
        assert not server.inside.package("nginx-light").is_installed


def set_up(operator: Operator) -> None:
    """Step 7, its second half: the cluster is there."""
    table = recap(operator.follow("7", 1))
    assert set(table) == set(operator.servers)


def find_it_done(operator: Operator) -> None:
    """Steps 8 to 10: the secrets are kept, the cluster serves, and nothing is left to be changed."""
    kept = operator.inventory / ".secrets"
    assert kept.stat().st_mode & 0o077 == 0, "nobody else reads the secrets"
    private = [path for path in kept.rglob("*") if path.is_file() and path.name not in NO_SECRET]
    secrets = {
        line: path.name
        for path in private
        if path.suffix != ".crt"
        for line in path.read_text().split()
        if len(line) > 20
    }
    assert "mongodb_admin_password" in secrets.values()
    secrets[operator.password] = "the account's password"
    assert {name for line, name in secrets.items() if line in operator.terminal.shown} == set()
    operator.follow("9")
    assert len(operator.steps["10"]) == 2
    for number in range(2):
        table = recap(operator.follow("10", number))
        assert set(table) == set(operator.servers)
        changes_nothing(table)


def changes_nothing(table: dict[str, dict[str, int]]) -> None:
    """No server was changed."""
    assert {host: row["changed"] for host, row in table.items()} == dict.fromkeys(table, 0)


def whole(operator: Operator) -> None:
    """All ten steps, as they stand there."""
    get_ready(operator)
    look_first(operator)
    set_up(operator)
    find_it_done(operator)
    numbered = {command for step in NUMBERED for command in operator.steps.get(step, [])}
    assert operator.typed >= numbered, "a command of the document that nobody typed"
