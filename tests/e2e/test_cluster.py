"""The whole product, as a user meets it: a cluster of its own comes up, keeps its promises, and goes away.

The tests are steps of one story, in this order; the first that fails ends it. `make e2e` runs them.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.audit import searching
from tests.audit.secret_values import secrets_of
from tests.e2e.machines import (
    ENVIRONMENT,
    INVENTORY,
    ROOT,
    interrupt,
    inventory,
    on,
    recap,
    run,
    say,
    signed_in,
    stopped,
    under_load,
    vagrant,
)

PYTHON = sys.executable
TASK_UNIT = "taskyard-tasks@{}"


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Begin without leftovers of an earlier run, and leave none."""
    run(PYTHON, "-m", "tools.cluster", "down", "--env", ENVIRONMENT)
    yield
    if os.environ.get("KEEP"):
        say(f"KEEP is set: the cluster stays. Remove it with: make down ENV={ENVIRONMENT}")
    elif INVENTORY.exists():
        run(PYTHON, "-m", "tools.cluster", "down", "--env", ENVIRONMENT)


def hosts_of(group: str) -> list[str]:
    """Names of a group's machines."""
    return list(inventory()[group]["hosts"])


def host_address(host: str) -> str:
    """The address at which this computer reaches a machine."""
    return str(inventory()["_meta"]["hostvars"][host]["ansible_host"])


def test_up_ends_with_a_cluster_that_passes_the_smoke_test() -> None:
    output = run("make", "up", f"ENV={ENVIRONMENT}")
    assert "The cluster does what it promises." in output


def test_site_run_again_changes_nothing_on_any_machine() -> None:
    table = recap(run("ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml"))
    assert set(table) == set(inventory()["_meta"]["hostvars"])
    assert {host: row["changed"] for host, row in table.items()} == dict.fromkeys(table, 0)


def test_every_machine_is_reached_by_those_alone_that_the_inventory_implies() -> None:
    run("make", "scan", f"ENV={ENVIRONMENT}", "INSTALL=yes")


def test_stopping_one_task_instance_costs_no_request() -> None:
    app = hosts_of("task_service")[0]
    with signed_in() as user:
        load = under_load(user, lambda: on(app, f"systemctl stop {TASK_UNIT.format(8003)}"))
        assert load.lost() == []
        assert load.answered > 100
        load = under_load(user, lambda: on(app, f"systemctl start {TASK_UNIT.format(8003)}"))
        assert load.lost() == []
        assert {served.split(":")[1] for served in load.instances} == {"8002", "8003", "8004"}


def test_killing_one_task_instance_brings_it_back() -> None:
    app = hosts_of("task_service")[0]
    on(app, f"systemctl kill --signal=SIGKILL {TASK_UNIT.format(8004)}")
    alive = f"systemctl is-active -q {TASK_UNIT.format(8004)} && exit 0"
    on(app, f"for i in $(seq 40); do {alive}; sleep 0.5; done; exit 1")


def test_stopping_auth_leaves_signed_in_users_working() -> None:
    with signed_in() as user:
        with stopped(hosts_of("auth_service")[0], "taskyard-auth@8001"):
            assert user.call("POST", "/tasks", json={"title": "still here"}).status_code == 201
            assert [task["title"] for task in user.call("GET", "/tasks").json()] == ["still here"]
            refused = user.call("GET", "/auth/me")
            assert (refused.status_code, refused.headers["content-type"]) == (502, "application/problem+json")
            assert refused.headers["retry-after"]
        assert user.call("GET", "/auth/me").status_code == 200


def test_stopping_redis_leaves_reads_and_writes_working() -> None:
    with signed_in() as user:
        user.call("POST", "/tasks", json={"title": "one"})
        with stopped(hosts_of("redis")[0], "redis-server"):
            for _ in range(6):
                answer = user.call("GET", "/tasks")
                assert (answer.status_code, answer.headers["x-cache"]) == (200, "BYPASS")
            assert user.call("POST", "/tasks", json={"title": "two"}).status_code == 201
            assert [task["title"] for task in user.call("GET", "/tasks").json()] == ["one", "two"]
        # It comes back by itself: nobody restarts a service.
        assert any(user.call("GET", "/tasks").headers["x-cache"] == "HIT" for _ in range(500))


def test_stopping_mongodb_gives_a_problem_that_says_when_to_try_again() -> None:
    app = hosts_of("task_service")[0]
    address = host_address(app)
    with signed_in() as user:
        with stopped(hosts_of("mongodb")[0], "mongod"):
            answer = user.call("POST", "/tasks", json={"title": "not now"})
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert answer.headers["retry-after"]
            ready = on(hosts_of("gateway")[0], f"curl -s -i http://{address}:8002/readyz")
            assert ready.split()[1] == "503"
            assert "mongodb" in ready
        assert any(user.call("POST", "/tasks", json={"title": "now"}).status_code == 201 for _ in range(60))


def test_an_instance_that_the_inventory_no_longer_names_is_removed_and_comes_back() -> None:
    app = hosts_of("task_service")[0]
    site = ["ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml", "--tags=task_service,nginx"]
    run(*site, "-e", '{"task_service_ports": [8002, 8003]}')
    assert on(app, f"systemctl is-active {TASK_UNIT.format(8004)}", check=False).strip() == "inactive"
    gateway = hosts_of("gateway")[0]
    assert ":8004" not in on(gateway, "cat /etc/nginx/nginx.conf")
    run(*site)
    assert on(app, f"systemctl is-active {TASK_UNIT.format(8004)}").strip() == "active"


def test_a_run_that_ended_between_a_change_and_the_restart_is_made_good_by_the_next() -> None:
    data = hosts_of("redis")[0]
    site = ["ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml", "--tags=redis"]
    process = "systemctl show --property=MainPID --value redis-server"
    before = on(data, process)
    on(data, "touch /etc/redis/redis.conf")  # written, and the run was killed before it restarted anything
    assert recap(run(*site))[data]["changed"] == 1
    assert on(data, process) != before
    assert recap(run(*site))[data]["changed"] == 0


def test_a_check_before_a_new_version_is_installed_asks_with_the_last_one() -> None:
    (data,) = hosts_of("mongodb")
    folder = "/opt/taskyard/admin"
    version = on(data, f"ls {folder}").strip()
    on(data, f"mv {folder}/{version} {folder}/earlier")
    try:
        site = ("ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml")
        table = recap(run(*site, "--check", "--tags=mongodb"))
        assert table[data]["failed"] == 0
        assert table[data]["changed"] == 1  # the folder that it would make
    finally:
        on(data, f"rm -rf {folder}/{version} && mv {folder}/earlier {folder}/{version}")


def test_the_only_instance_of_a_service_is_restarted_without_a_failed_request() -> None:
    app = hosts_of("auth_service")[0]
    with signed_in() as user:
        load = under_load(user, lambda: on(app, "systemctl restart taskyard-auth@8001"))
    assert load.lost() == []


def kept_secrets() -> dict[str, str]:
    """What is kept on this computer, by name."""
    return {
        path.name: path.read_text().strip()
        for path in (INVENTORY / ".secrets").iterdir()
        if path.name.endswith(("password", "keyfile", "jwt_private_key.pem"))
    }


def test_a_password_that_was_exchanged_reaches_the_database_and_the_services() -> None:
    (INVENTORY / ".secrets" / "mongodb_tasks_password").write_text(secrets.token_hex(16) + "\n")
    exchange = ("ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml", "--tags=mongodb,task_service")
    with signed_in() as user:
        load = under_load(user, lambda: run(*exchange))
    assert load.lost() == []


def test_all_secrets_are_exchanged_under_load_also_when_interrupted_and_the_former_open_nothing() -> None:
    before, hidden = kept_secrets(), secrets_of(INVENTORY / ".secrets")
    (data,) = hosts_of("mongodb")
    said = []
    rotate = ("ansible-playbook", "-i", str(INVENTORY), "playbooks/rotate_secrets.yml")

    def interrupted_and_finished() -> None:
        interrupt("TASK [app_service : Start, now and at boot, taskyard-tasks@8002]", *rotate)
        said.extend(run(*rotate, "--diff", "-vvv", is_shown=False).splitlines())

    with signed_in() as user:
        load = under_load(user, interrupted_and_finished)
        assert load.lost() == []
        assert load.answered > 1000
    assert any("invocation:" in line for line in said)
    assert searching.in_output(said, hidden + secrets_of(INVENTORY / ".secrets")) == {}
    after = kept_secrets()
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] == after[name]} == set()
    assert opened(data, after) == {
        "mongodb auth",
        "mongodb tasks",
        "redis auth",
        "redis tasks",
        "mongodb admin",
    }
    assert opened(data, before) == set()
    assert before["mongodb_keyfile"] not in on(data, "cat /etc/mongodb/keyfile")
    table = recap(run("ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml"))
    assert {row["changed"] for row in table.values()} == {0}


# Prints the names of those that can sign in, of {"name": [account, password, database]}.
SIGN_IN = """
import json
from pymongo import MongoClient
from pymongo.errors import OperationFailure
how = {"directConnection": True, "tls": True, "tlsCAFile": "/etc/mongodb/authorities.pem"}
for name, (account, password, database) in json.loads(ACCOUNTS).items():
    try:
        client = MongoClient("localhost", username=account, password=password, authSource=database, **how)
        client.admin.command("ping")
        print(name)
    except OperationFailure as error:
        assert error.code == 18
"""


def opened(data: str, passwords: dict[str, str]) -> set[str]:
    """Whom these passwords sign in, asked on the machine with the data."""

    def account(service: str, password: str) -> str:
        return f"{service}-{hashlib.sha256(password.encode()).hexdigest()[:4]}"

    mongodb = {"mongodb admin": ("admin", passwords["mongodb_admin_password"], "admin")}
    found = set()
    for service in ("auth", "tasks"):
        password = passwords[f"mongodb_{service}_password"]
        mongodb[f"mongodb {service}"] = (account(service, password), password, f"taskyard_{service}")
        password = passwords[f"redis_{service}_password"]
        words = f"AUTH {account(service, password)} {password}\n"
        if on(data, "redis-cli --tls --cacert /etc/redis/authorities.pem", stdin=words).strip() == "OK":
            found.add(f"redis {service}")
    script = SIGN_IN.replace("ACCOUNTS", repr(json.dumps(mongodb)))
    return found | set(on(data, "/opt/taskyard/admin/*/venv/bin/python -", stdin=script).splitlines())


def test_the_signing_key_is_rotated_under_load_and_nobody_is_signed_out() -> None:
    app = hosts_of("auth_service")[0]

    def kids() -> dict[str, Any]:
        """What the service says of its keys; the firewall lets nobody but gateways ask it."""
        answer = on(hosts_of("gateway")[0], f"curl -s http://{host_address(app)}:8001/readyz")
        return dict(json.loads(answer))

    before = kids()["signing_key"]
    pids = "systemctl show --property=MainPID --value 'taskyard-*@*'"
    processes = on(app, pids)
    rotate = ("ansible-playbook", "-i", str(INVENTORY), "playbooks/rotate_keys.yml")
    with signed_in() as user:
        load = under_load(user, lambda: run(*rotate))
        assert load.lost() == []
        after = kids()
        assert after["signing_key"] != before
        assert before in after["keys"]
        assert on(app, pids) == processes
        run(*rotate, "-e", "rotate_keys_distrust_last=true")
        assert user.call("GET", "/tasks").status_code == 401
    with signed_in() as user:
        assert user.call("GET", "/tasks").status_code == 200
    # As if it had been interrupted after the exchange: it is finished, and no third key is made.
    mark = INVENTORY / ".secrets" / "jwt_rotation_unfinished"
    mark.touch()
    current = kids()["signing_key"]
    run(*rotate)
    assert kids()["signing_key"] == current
    assert not mark.exists()
    with pytest.raises(AssertionError, match="status 2"):
        run(*rotate, "--limit", app)
    assert kids()["signing_key"] == current
    table = recap(run("ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml"))
    assert {row["changed"] for row in table.values()} == {0}


def test_certificates_are_renewed_under_load_without_a_restart() -> None:
    (data,) = hosts_of("mongodb")
    shown = "openssl s_client -connect 127.0.0.1:$port </dev/null 2>&1 | openssl x509 -noout -serial"
    serials = f"for port in 27017 6379; do {shown}; done"
    processes = "pidof mongod redis-server"
    before, running = on(data, serials).split(), on(data, processes)
    with signed_in() as user:
        load = under_load(
            user,
            lambda: run("ansible-playbook", "-i", str(INVENTORY), "playbooks/renew_certificates.yml"),
        )
    assert load.lost(reloads=1) == []
    assert len(before) == 2
    assert not set(on(data, serials).split()) & set(before)
    assert on(data, processes) == running
    said = run("ansible-playbook", "-i", str(INVENTORY), "playbooks/status.yml")
    for server in ("mongodb", "redis", "nginx"):
        assert f"{server}: 364 days" in said


def test_secrets_are_in_no_process_list_no_journal_and_not_in_git() -> None:
    values = [
        path.read_text().strip()
        for path in (INVENTORY / ".secrets").iterdir()
        if path.name.endswith("password")
    ]
    assert len(values) >= 4
    for host in inventory()["_meta"]["hostvars"]:
        seen = on(host, "ps axww -o args; journalctl --no-pager -q -o cat")
        assert [secret[:4] + "…" for secret in values if secret in seen] == [], host
    for secret in values:
        assert subprocess.run(["git", "grep", "-q", secret], cwd=ROOT, check=False).returncode != 0


def test_the_services_run_inside_their_sandbox() -> None:
    app = hosts_of("task_service")[0]
    shown = on(
        app,
        f"systemctl show -p User -p NoNewPrivileges -p ProtectSystem -p MemoryMax {TASK_UNIT.format(8002)}",
    )
    properties = dict(line.split("=", 1) for line in shown.splitlines())
    assert properties["User"] == "taskyard-tasks"
    assert (properties["NoNewPrivileges"], properties["ProtectSystem"]) == ("yes", "strict")
    assert int(properties["MemoryMax"]) < 2**30
    # The task service's user can't read the key that signs tokens.
    assert on(app, "sudo -u taskyard-tasks cat /etc/taskyard/auth/private_key.pem 2>&1; true").endswith(
        "denied\n"
    )


def test_after_a_reboot_of_all_machines_everything_comes_back_with_the_data() -> None:
    with signed_in() as user:
        assert user.call("POST", "/tasks", json={"title": "survives"}).status_code == 201
        vagrant("reload")
        run(PYTHON, "-m", "tools.smoke", "--env", ENVIRONMENT)
        assert [task["title"] for task in user.call("GET", "/tasks").json()] == ["survives"]
    for host in inventory()["_meta"]["hostvars"]:
        assert on(host, "taskyard-firewall state").strip() == "loaded", host


def test_down_leaves_nothing_behind() -> None:
    run("make", "down", f"ENV={ENVIRONMENT}")
    assert not INVENTORY.exists()
    status = run(PYTHON, "-m", "tools.cluster", "status", "--env", ENVIRONMENT)
    assert "taskyard-" not in status
