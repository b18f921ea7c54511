"""The example's servers and a third app server, both Debians, an sshd on port 2222: built, grown, shrunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.machines import recap, under_load
from tests.real_hosts import walk
from tests.real_hosts.document import DOCUMENT, commands
from tests.real_hosts.operator_at_work import Operator, at_work
from tests.real_hosts.spreads import Tree, as_in_the_example

GATEWAY, DATA, NEW = "gateway1.example.org", "data1.example.org", "app4.example.org"
APPS = [f"app{number}.example.org" for number in (1, 2, 3)]
GONE = APPS[2]
SPREAD = as_in_the_example(
    {
        GATEWAY: "debian-13",
        APPS[0]: "debian-12",
        APPS[1]: "debian-13",
        APPS[2]: "debian-13",
        DATA: "debian-12",
    },
    more_apps=APPS[2:],
)
PORTS = (8002, 8003, 8004)
SITE = "Afterwards"
NARROWED = "One server, or one part"


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with at_work(SPREAD) as somebody:
        yield somebody


@pytest.fixture(scope="module")
def tree(operator: Operator) -> Tree:
    """The inventory, which the story changes step by step."""
    return operator.tree()


def instances(*hosts: str, ports: tuple[int, ...] = PORTS) -> set[str]:
    """What the instances call themselves: {"app1:8002", …}."""
    return {f"{host.partition('.')[0]}:{port}" for host in hosts for port in ports}


def answering(operator: Operator) -> set[str]:
    """Who answers at the gateway, of many requests."""
    with operator.signed_in() as user:
        return {user.call("GET", "/tasks").headers["x-served-by"] for _ in range(120)}


def without_a_loss(operator: Operator, change: Callable[[], object]) -> None:
    """Change the cluster while somebody reads and writes all the time."""
    with operator.signed_in() as user:
        load = under_load(user, change, clients=2)
    assert load.lost(reloads=1) == []
    assert load.answered > 100


def test_the_document_leads_to_a_serving_cluster(operator: Operator) -> None:
    walk.whole(operator)
    assert answering(operator) == instances(*APPS)


def test_the_port_of_ssh_is_the_inventorys(operator: Operator) -> None:
    assert operator.servers[APPS[1]].inside.check_output("ss -Hltn sport = :22") == ""
    assert operator.tree()["hosts"][APPS[1]]["ansible_port"] == 2222


def test_one_instance_more_and_one_server_less_cost_no_request(operator: Operator, tree: Tree) -> None:
    tree["hosts"][APPS[0]]["task_service_ports"] = [*PORTS, 8005]
    for group in ("auth_service", "task_service"):
        del tree["children"][group]["hosts"][GONE]
    tree["children"]["retired"] = {"hosts": {GONE: None}}
    operator.edit(tree)
    without_a_loss(operator, lambda: operator.follow(SITE))
    assert answering(operator) == instances(*APPS[:2]) | {"app1:8005"}


def test_nothing_of_the_cluster_is_left_on_the_server_that_leaves(operator: Operator) -> None:
    inside = operator.servers[GONE].inside
    assert inside.check_output("systemctl list-units --all --no-legend 'taskyard-*'") == ""
    for path in ("/etc/systemd/system/taskyard-tasks@.service", "/etc/taskyard", "/opt/taskyard"):
        assert not inside.file(path).exists, path
    assert inside.run("getent passwd taskyard-tasks taskyard-auth").stdout == ""
    gateway = operator.servers[GATEWAY].inside.file("/etc/nginx/nginx.conf").content_string
    assert operator.servers[GONE].private_address not in gateway


def test_one_instance_less_and_a_bare_server_more_cost_no_request(operator: Operator, tree: Tree) -> None:
    del tree["hosts"][APPS[0]]["task_service_ports"]
    tree["children"]["retired"] = None
    del tree["hosts"][GONE]
    operator.rent(NEW, "debian-12")
    new = operator.servers[NEW]
    tree["hosts"][NEW] = {"ansible_host": new.address, "private_address": new.private_address}
    tree["children"]["task_service"]["hosts"][NEW] = None
    del tree["children"]["auth_service"]["hosts"][APPS[1]]  # it goes on serving tasks
    operator.edit(tree)
    operator.follow("4")
    without_a_loss(operator, lambda: operator.follow(SITE))
    assert answering(operator) == instances(*APPS[:2], NEW)


# One instance fewer leaves its unit's template to the others; a service that leaves takes it along.
@pytest.mark.parametrize(
    ("host", "unit", "state"),
    [(APPS[0], "taskyard-tasks@8005", "disabled"), (APPS[1], "taskyard-auth@8001", "not-found")],
)
def test_what_was_taken_away_is_gone(operator: Operator, host: str, unit: str, state: str) -> None:
    inside = operator.servers[host].inside
    assert not inside.service(unit).is_running
    assert inside.run(f"systemctl is-enabled {unit}").stdout.strip() == state


def test_certificates_are_renewed_without_losing_a_request(operator: Operator) -> None:
    without_a_loss(operator, lambda: operator.follow("Certificates", 1))
    assert "mongodb: 364 days" in operator.follow("Certificates", 0)


def test_one_server_and_one_part_are_brought_back_alone(operator: Operator) -> None:
    files = {APPS[0]: "/etc/taskyard/tasks.env", GATEWAY: "/etc/nginx/nginx.conf"}
    for host, file in files.items():
        operator.servers[host].inside.run_expect([0], f"echo '# not from here' >> {file}")
    for number, host in enumerate(files):
        table = recap(operator.follow(NARROWED, number))
        assert {name for name, row in table.items() if row["changed"]} == {host}
        assert "not from here" not in operator.servers[host].inside.file(files[host]).content_string


def test_in_the_end_it_serves_and_there_is_nothing_left_to_change(operator: Operator) -> None:
    operator.follow("9")
    walk.changes_nothing(recap(operator.follow(SITE)))


def test_every_command_of_the_document_was_typed(operator: Operator) -> None:
    assert operator.typed == {line for lines in commands(DOCUMENT.read_text()).values() for line in lines}
