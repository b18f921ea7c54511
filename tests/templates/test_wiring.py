"""What the playbooks make of an inventory: how the parts of a cluster find each other."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import redis
import yaml
from pymongo.uri_parser import parse_uri

from tests.templates.test_rendered import MANY, rendered
from tools.packages import ROOT

# What Ansible takes long for is done once, for one of the processes among which the tests are shared out.
pytestmark = pytest.mark.xdist_group("wiring")


def wired(folder: Path, hosts: dict[str, Any], host: str, *names: str) -> dict[str, Any]:
    """{name: value} of these variables, as this host has them in the playbooks."""
    source = folder / "hosts.yml"
    source.write_text(yaml.safe_dump(hosts))
    question = f"msg={{{{ {{{', '.join(f'{name!r}: {name}' for name in names)}}} | to_json }}}}"
    asking = [
        "-i",
        str(source),
        host,
        "--playbook-dir=playbooks",
        "-m",
        "ansible.builtin.debug",
        "-a",
        question,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "adhoc", *asking, "-o"],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout[done.stdout.index("=>") + 2 :])["msg"]
    found: dict[str, Any] = json.loads(answer) if isinstance(answer, str) else answer
    return found


def many(**variables: object) -> dict[str, Any]:
    """The inventory with many hosts, and these variables for all of them."""
    hosts: dict[str, Any] = yaml.safe_load(yaml.safe_dump(MANY))
    hosts["all"]["vars"] = variables
    return hosts


PASSWORD = "a/b+c==%2F @:?#[]\"'\\é"
SECRETS = ("mongodb_auth", "mongodb_tasks", "redis_auth", "redis_tasks")


def test_a_password_of_any_characters_is_what_the_services_sign_in_with(tmp_path: Path) -> None:
    hosts = many(**{f"vault_{name}_password": PASSWORD for name in SECRETS})
    names = ("mongodb_auth_uri", "mongodb_tasks_uri", "redis_auth_url", "redis_tasks_url")
    found = wired(tmp_path, hosts, "app1", *names)
    for name in ("mongodb_auth_uri", "mongodb_tasks_uri"):
        assert parse_uri(found[name])["password"] == PASSWORD
    for name in ("redis_auth_url", "redis_tasks_url"):
        parts = urlsplit(found[name])
        assert (parts.scheme, parts.hostname) == ("rediss", "10.0.0.31")
        assert unquote(parts.password or "") == PASSWORD
        assert redis.Redis.from_url(found[name]).get_connection_kwargs()["password"] == PASSWORD


def test_a_services_account_is_named_for_its_password_where_it_is_made_and_where_it_is_used(
    tmp_path: Path,
) -> None:
    hosts = many(**{f"vault_{name}_password": name for name in SECRETS})
    uris = wired(
        tmp_path, hosts, "app1", "mongodb_auth_uri", "mongodb_tasks_uri", "redis_auth_url", "redis_tasks_url"
    )
    users = wired(tmp_path, hosts, "data1", "mongodb_users", "redis_users")
    for server, end in (("mongodb", "uri"), ("redis", "url")):
        made = {user["name"]: user["account"] for user in users[f"{server}_users"]}
        used = {name: urlsplit(uris[f"{server}_{name}_{end}"]).username for name in ("auth", "tasks")}
        assert made == used
        assert made == {
            name: f"{name}-{hashlib.sha256(f'{server}_{name}'.encode()).hexdigest()[:4]}"
            for name in ("auth", "tasks")
        }


def test_the_only_instance_of_a_service_hands_its_port_over_and_one_of_several_does_not(
    tmp_path: Path,
) -> None:
    hosts = many()
    names = ("auth_service_hands_over", "task_service_hands_over")
    assert wired(tmp_path, hosts, "app1", *names) == dict.fromkeys(names, False)
    hosts["all"]["children"]["auth_service"]["hosts"] = {"app1": {}}
    assert wired(tmp_path, hosts, "app1", *names)["auth_service_hands_over"] is True


def test_a_replica_signs_in_with_a_password_of_any_characters(tmp_path: Path) -> None:
    hosts = many(vault_redis_replication_password='a "b" \\c')
    hosts["all"]["children"]["redis"]["hosts"]["data2"] = {}
    folder = rendered(tmp_path, hosts, "data2")
    assert 'masterauth "a \\"b\\" \\\\c"\n' in (folder / "data2" / "redis.conf").read_text()


def test_what_the_inventory_says_of_a_group_holds_for_the_whole_cluster(tmp_path: Path) -> None:
    hosts = many(secrets_dir=str(tmp_path / "secrets"), task_service_trusted_proxies=["10.7.7.7"])
    groups = hosts["all"]["children"]
    groups["mongodb"]["vars"] = {"mongodb_port": 27018, "mongodb_replica_set": "another"}
    groups["mongodb"]["hosts"]["data2"] = {"mongodb_port": 27019}
    groups["redis"]["vars"] = {"redis_port": 6380}
    groups["task_service"]["vars"]["task_service_public_url"] = "https://tasks.example"
    names = (
        "mongodb_tasks_uri",
        "redis_tasks_url",
        "task_service_trusted_proxies",
        "task_service_public_url",
    )
    found = wired(tmp_path, hosts, "app1", *names)
    database = parse_uri(found["mongodb_tasks_uri"])
    assert database["nodelist"] == [("data1", 27018), ("data2", 27019), ("data3", 27018)]
    assert database["options"]["replicaSet"] == "another"
    assert urlsplit(found["redis_tasks_url"]).port == 6380
    assert found["task_service_trusted_proxies"] == ["10.7.7.7"]
    assert found["task_service_public_url"] == "https://tasks.example"
    assert {path.name for path in (tmp_path / "secrets").iterdir()} >= {"redis_tasks_password"}
    folder = rendered(tmp_path, hosts, "data2,data1")
    configuration = yaml.safe_load((folder / "data2" / "mongod.conf").read_text())
    assert (configuration["net"]["port"], configuration["replication"]["replSetName"]) == (27019, "another")
    assert "port 6380\n" in (folder / "data1" / "redis.conf").read_text()


def refused(folder: Path, hosts: dict[str, Any]) -> str:
    """What playbooks/inventory.yml says against an inventory."""
    source = folder / "hosts.yml"
    source.write_text(yaml.safe_dump(hosts))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(source), "playbooks/inventory.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_what_is_one_for_the_cluster_cannot_be_set_for_a_part_of_it(tmp_path: Path) -> None:
    hosts = many()
    hosts["all"]["children"]["mongodb"]["hosts"]["data2"] = {"mongodb_replica_set": "another"}
    hosts["all"]["children"]["redis"]["vars"] = {"secrets_dir": "/elsewhere"}
    said = refused(tmp_path, hosts)
    assert "mongodb_replica_set differs between the machines: taskyard, another." in said
    assert "secrets_dir differs between the machines: " in said
    assert "Set it once for all of them" in said


@pytest.mark.parametrize("option", [{"mongodb_address": "10.9.9.9"}, {"mongodb_members": ["data1:27017"]}])
def test_mongodb_cannot_be_where_the_others_do_not_look(tmp_path: Path, option: dict[str, Any]) -> None:
    hosts = many()
    hosts["all"]["children"]["mongodb"]["vars"] = option
    said = refused(tmp_path, hosts)
    assert "The inventory sets mongodb_address or mongodb_members for data1" in said
    assert "set private_address for a machine" in said


def test_the_gateway_passes_nothing_on_to_a_service_that_is_to_be_absent(tmp_path: Path) -> None:
    hosts = many()
    hosts["all"]["hosts"]["app2"] |= {"auth_service_state": "absent", "task_service_state": "absent"}
    (auth, tasks) = wired(tmp_path, hosts, "gateway1", "nginx_upstreams")["nginx_upstreams"]
    assert auth["servers"] == ["10.0.0.21:8001"]
    assert tasks["servers"] == ["10.0.0.21:8002", "10.0.0.21:8003", "10.0.0.21:8004"]


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://10.0.0.11"),
        ({"nginx_https_port": 8443}, "https://10.0.0.11:8443"),
        ({"nginx_tls": False}, "http://10.0.0.11"),
        ({"nginx_tls": False, "nginx_port": 8080}, "http://10.0.0.11:8080"),
        ({"public_url": "https://tasks.example.org"}, "https://tasks.example.org"),
    ],
)
def test_tasks_have_the_address_by_which_users_come(
    tmp_path: Path, options: dict[str, Any], url: str
) -> None:
    hosts = many(**{name: value for name, value in options.items() if name == "public_url"})
    hosts["all"]["children"]["gateway"]["vars"] = options
    found = wired(tmp_path, hosts, "app1", "task_service_public_url")
    assert found["task_service_public_url"] == url


def test_the_gateways_certificate_is_for_whatever_leads_to_it(tmp_path: Path) -> None:
    hosts = many(public_url="https://tasks.example.org/")
    hosts["all"]["hosts"]["gateway2"]["private_address"] = "10.9.9.2"
    names = wired(tmp_path, hosts, "gateway2", "nginx_names")["nginx_names"]
    assert names == ["tasks.example.org", "10.0.0.12", "gateway2", "10.9.9.2", "localhost", "127.0.0.1"]
    hosts["all"]["vars"]["nginx_certificate_source"] = "acme"
    assert wired(tmp_path, hosts, "gateway2", "nginx_names")["nginx_names"] == ["tasks.example.org"]


def test_without_tls_the_services_are_told_so(tmp_path: Path) -> None:
    hosts = many(mongodb_tls=False, redis_tls=False)
    found = wired(tmp_path, hosts, "app1", "mongodb_tasks_uri", "redis_tasks_url")
    assert "tls" not in parse_uri(found["mongodb_tasks_uri"])["options"]
    assert urlsplit(found["redis_tasks_url"]).scheme == "redis"
