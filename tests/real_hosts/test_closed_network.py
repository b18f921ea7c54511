"""Auth on a server of its own; packages come through a proxy from a mirror, and from nowhere else.

Passwords are in files: of sudo, and of a vault with some of the secrets.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real_hosts import walk
from tests.real_hosts.operator_at_work import Operator, at_work
from tests.real_hosts.spreads import Spread

AUTH, REST = "auth1.example.org", "taskyard1.example.org"
SPREAD = Spread(
    systems={AUTH: "debian-13", REST: "debian-12"},
    groups={
        "gateway": [REST],
        "auth_service": [AUTH],
        "task_service": [REST],
        "mongodb": [REST],
        "redis": [REST],
    },
    closed=True,
)
VAULTED = "vault_redis_tasks_password"


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with at_work(SPREAD) as somebody:
        somebody.steps["3"] = []  # this one does not sit at a terminal
        for name, content in (("sudo", somebody.password), ("vault", "the vault's own password")):
            (somebody.folder / name).write_text(content)
            (somebody.folder / name).chmod(0o600)
        yield somebody


def test_the_passwords_can_be_in_files(operator: Operator) -> None:
    for variable, name in (("BECOME", "sudo"), ("VAULT", "vault")):
        operator.terminal.type(f"export ANSIBLE_{variable}_PASSWORD_FILE={operator.folder / name}")


def test_a_secret_can_be_in_a_vault(operator: Operator) -> None:
    for step in ("1", "2"):
        operator.follow(step)
    vault = operator.inventory / "group_vars" / "all" / "vault.yml"
    vault.parent.mkdir(parents=True)
    vault.write_text(f"{VAULTED}: of-the-vault\n")
    operator.terminal.type(f"ansible-vault encrypt {vault}")
    assert "of-the-vault" not in vault.read_text()


def test_the_document_leads_to_a_serving_cluster(operator: Operator) -> None:
    operator.steps["1"] = operator.steps["2"] = []
    walk.whole(operator)
    assert operator.terminal.asked == 0


def test_the_secret_in_the_vault_is_the_one_in_use(operator: Operator) -> None:
    assert not (operator.inventory / ".secrets" / "redis_tasks_password").exists()
    environment = operator.servers[REST].inside.file("/etc/taskyard/tasks.env").content_string
    assert "//tasks:of-the-vault@" in environment


def test_packages_came_from_the_mirror_through_the_proxy_alone(operator: Operator) -> None:
    assert operator.mirror is not None
    lines = operator.mirror.inside.file("/var/log/mirror.log").content_string.splitlines()
    asked = [line.split() for line in lines]
    assert {port for port, _ in asked} == {"3128"}
    for package in ("python3-apt", "nginx-light", "redis-server"):
        assert any(f"/{package}_" in url for _, url in asked), package
    for server in operator.servers.values():
        sources = server.inside.check_output("apt-get indextargets --format '$(REPO_URI)'").split()
        assert {source.split("/")[2] for source in sources} == {operator.mirror.private_address}
