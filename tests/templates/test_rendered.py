"""The servers' configurations, rendered for several inventories without touching a machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.certificates import self_signed
from tools import servers
from tools.packages import ROOT

# What Ansible takes long for is done once, for one of the processes among which the tests are shared out.
pytestmark = pytest.mark.xdist_group("rendered")

# `nginx -t` opens what the configuration names: a port that needs no root, and folders that are there.
NGINX_FOR_TESTS: dict[str, Any] = {"nginx_port": 28080, "nginx_https_port": 28443, "nginx_user": ""}


def inventory(hosts: dict[str, str], groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "all": {
            "hosts": {name: {"ansible_host": address} for name, address in hosts.items()},
            "children": groups,
        }
    }


# Production's shape: two gateways, two hosts for the application, three for the data.
MANY = inventory(
    {f"gateway{n}": f"10.0.0.1{n}" for n in (1, 2)}
    | {f"app{n}": f"10.0.0.2{n}" for n in (1, 2)}
    | {f"data{n}": f"10.0.0.3{n}" for n in (1, 2, 3)},
    {
        "gateway": {"hosts": {"gateway1": {}, "gateway2": {}}},
        "auth_service": {"hosts": {"app1": {}, "app2": {}}, "vars": {"auth_service_ports": [8001]}},
        "task_service": {
            "hosts": {"app1": {}, "app2": {"task_service_ports": [8002, 8005]}},
            "vars": {"task_service_ports": [8002, 8003, 8004]},
        },
        "mongodb": {"hosts": {"data1": {}, "data2": {}, "data3": {}}},
        "redis": {"hosts": {"data1": {}}},
    },
)


def render(
    folder: Path, source: Path, limit: str = "all", /, **variables: object
) -> subprocess.CompletedProcess[str]:
    extra = folder / "extra.yml"
    extra.write_text(yaml.safe_dump({"render_dir": str(folder), **variables}))
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(source),
        "--limit",
        limit,
        "playbooks/render.yml",
        "-e",
        f"@{extra}",
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def rendered(folder: Path, hosts: dict[str, Any], limit: str = "all", /, **variables: object) -> Path:
    source = folder / "hosts.yml"
    source.write_text(yaml.safe_dump(hosts))
    done = render(folder, source, limit, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def places(folder: Path) -> dict[str, str]:
    """Where Nginx finds its folders, and a key and certificate."""
    certificate = folder / "certificate.pem"
    certificate.write_bytes(self_signed("gateway"))
    folders = {f"_nginx_{kind}_dir": str(folder) for kind in ("run", "log", "state")}
    return {"_nginx_certificate": str(certificate)} | folders


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    return rendered(folder, MANY, **NGINX_FOR_TESTS, **places(folder))


# Gateways that differ from each other in a few options.
VARIANTS: dict[str, dict[str, Any]] = {
    "unlimited": {"nginx_rate": ""},
    "unguarded": {"nginx_guarded_rate": ""},
    "uncounted": {"nginx_client_requests": 0},
    "open": {"nginx_rate": "", "nginx_guarded_rate": "", "nginx_client_requests": 0},
    "behind": {"nginx_trusted_proxies": ["10.0.9.1", "10.1.0.0/16", "fd00::/8"]},
    "plain": {"nginx_tls": False},
    "trying": {"nginx_hsts_seconds": 0},
    "public": {"nginx_certificate_source": "acme", "nginx_names": ["tasks.example.org"]},
    "pages": {"cors_origins": ["https://a.example", "http://localhost:5173"]},
}


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each variant's configuration, which Nginx accepts."""
    folder = tmp_path_factory.mktemp("variants")
    hosts = yaml.safe_load(yaml.safe_dump(MANY))
    for number, (name, options) in enumerate(VARIANTS.items(), start=1):
        hosts["all"]["hosts"][name] = {"ansible_host": f"10.0.1.{number}"} | options
        hosts["all"]["children"]["gateway"]["hosts"][name] = {}
    rendered(folder, hosts, ",".join(VARIANTS), **NGINX_FOR_TESTS, **places(folder))
    for name in VARIANTS:
        accepted = nginx_accepts(folder, folder / name / "nginx.conf")
        assert accepted.returncode == 0, accepted.stderr
    return folder


def upstream(configuration: str, name: str) -> list[str]:
    block = re.search(rf"upstream {name} \{{(.*?)\}}", configuration, re.DOTALL)
    assert block, name
    return re.findall(r"server (\S+) ", block[1])


def nginx_accepts(folder: Path, configuration: Path) -> subprocess.CompletedProcess[str]:
    nginx = servers.find().nginx
    command = [str(nginx.path), "-t", "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
    return subprocess.run(command, env=dict(nginx.environment), capture_output=True, text=True, check=False)


def test_the_local_inventory_gives_the_gateway_three_task_instances_and_one_auth(tmp_path: Path) -> None:
    done = render(tmp_path, ROOT / "inventory" / "local" / "hosts.yml", "gateway1")
    assert done.returncode == 0, done.stdout + done.stderr
    configuration = (tmp_path / "gateway1" / "nginx.conf").read_text()
    assert [server.split(":")[1] for server in upstream(configuration, "task_service")] == [
        "8002",
        "8003",
        "8004",
    ]
    assert [server.split(":")[1] for server in upstream(configuration, "auth_service")] == ["8001"]
    assert "least_conn;" in configuration


def test_every_gateway_passes_on_to_every_port_of_every_host(many: Path) -> None:
    for gateway in ("gateway1", "gateway2"):
        configuration = (many / gateway / "nginx.conf").read_text()
        assert upstream(configuration, "auth_service") == ["10.0.0.21:8001", "10.0.0.22:8001"]
        assert upstream(configuration, "task_service") == [
            *("10.0.0.21:8002", "10.0.0.21:8003", "10.0.0.21:8004"),
            *("10.0.0.22:8002", "10.0.0.22:8005"),
        ]


def test_nginx_accepts_what_is_rendered(many: Path) -> None:
    accepted = nginx_accepts(many, many / "gateway1" / "nginx.conf")
    assert accepted.returncode == 0, accepted.stderr
    broken = many / "broken.conf"
    broken.write_text((many / "gateway1" / "nginx.conf").read_text().replace("least_conn;", "least_con;"))
    assert nginx_accepts(many, broken).returncode != 0


def test_a_private_address_is_what_the_machines_use_among_themselves(tmp_path: Path) -> None:
    hosts = yaml.safe_load(yaml.safe_dump(MANY))
    hosts["all"]["hosts"]["app1"]["private_address"] = "10.9.9.1"
    folder = rendered(tmp_path, hosts, "gateway1")
    assert "10.9.9.1:8001" in upstream((folder / "gateway1" / "nginx.conf").read_text(), "auth_service")


@pytest.mark.parametrize("group", ["auth_service", "task_service"])
def test_a_service_without_ports_is_said_before_anything_is_rendered(tmp_path: Path, group: str) -> None:
    hosts = yaml.safe_load(yaml.safe_dump(MANY))
    hosts["all"]["children"][group] = {"hosts": {"app1": {}}}
    source = tmp_path / "hosts.yml"
    source.write_text(yaml.safe_dump(hosts))
    done = render(tmp_path, source, "gateway1")
    assert done.returncode != 0
    assert f"{group}_ports" in done.stdout + done.stderr
    assert not (tmp_path / "gateway1" / "nginx.conf").exists()


def test_mongod_asks_for_a_password_and_listens_on_the_private_network_only(many: Path) -> None:
    for number in (1, 2, 3):
        configuration = yaml.safe_load((many / f"data{number}" / "mongod.conf").read_text())
        assert configuration["security"]["authorization"] == "enabled"
        assert configuration["net"]["bindIp"] == f"127.0.0.1,10.0.0.3{number}"
        assert configuration["replication"]["replSetName"] == "taskyard"


def test_redis_is_bounded_evicts_and_listens_on_the_private_network_only(many: Path) -> None:
    lines = (many / "data1" / "redis.conf").read_text().splitlines()
    settings = dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))
    assert settings["bind"] == "127.0.0.1 10.0.0.31"
    assert settings["maxmemory-policy"] == "allkeys-lru"
    assert settings["maxmemory"] == "128mb"
    assert settings["aclfile"]


def test_only_a_post_with_a_key_to_a_service_that_knows_it_goes_to_another_instance(many: Path) -> None:
    configuration = (many / "gateway1" / "nginx.conf").read_text()
    for path in ("= /tasks", "^~ /tasks/"):
        assert "return 418;" in location(configuration, path)
    for path in ("= /auth", "^~ /auth/", "= /docs", "^~ /docs/"):
        assert "return 418;" not in location(configuration, path)
    assert configuration.count("non_idempotent;") == 1
    assert "non_idempotent;" in location(configuration, "@repeatable")


def test_there_is_time_to_ask_another_instance_when_one_is_frozen(many: Path) -> None:
    configuration = (many / "gateway1" / "nginx.conf").read_text()
    times = [
        int(re.findall(rf"{name} (\d+)s;", configuration)[0])
        for name in ("proxy_read_timeout", "proxy_next_upstream_timeout")
    ]
    assert 2 * times[0] < times[1]


def test_passwords_are_tried_more_slowly_than_the_rest_is_asked(many: Path) -> None:
    configuration = (many / "gateway1" / "nginx.conf").read_text()
    assert "zone=client:10m rate=1000r/s;" in configuration
    assert "zone=guarded:10m rate=20r/s;" in configuration
    for path in ("= /auth", "^~ /auth/"):
        assert re.findall(r"limit_req zone=(\w+) burst=(\d+)", location(configuration, path)) == [
            ("client", "2000"),
            ("guarded", "60"),
        ]
    assert "limit_req" not in location(configuration, "= /tasks")  # the server's own limit holds there


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("unlimited", ["zone=client"]),
        ("unguarded", ["zone=guarded"]),
        ("uncounted", ["zone=under_way"]),
        ("open", ["zone=client", "zone=guarded", "zone=under_way"]),
    ],
)
def test_a_limit_that_is_empty_is_off(variants: Path, name: str, off: list[str]) -> None:
    configuration = (variants / name / "nginx.conf").read_text()
    for zone in ("zone=client", "zone=guarded", "zone=under_way"):
        assert (zone in configuration) is (zone not in off)


def test_a_load_balancer_in_front_is_believed_when_it_is_named(variants: Path, many: Path) -> None:
    assert "real_ip" not in (many / "gateway1" / "nginx.conf").read_text()
    configuration = (variants / "behind" / "nginx.conf").read_text()
    assert re.findall(r"set_real_ip_from (\S+);", configuration) == ["10.0.9.1", "10.1.0.0/16", "fd00::/8"]


def test_pages_of_other_origins_are_let_in_by_name(variants: Path, many: Path) -> None:
    assert "Access-Control" not in (many / "gateway1" / "nginx.conf").read_text()
    configuration = (variants / "pages" / "nginx.conf").read_text()
    assert re.findall(r'"(.*)" \$http_origin;', configuration) == [
        "https://a.example",
        "http://localhost:5173",
    ]


def test_what_is_no_origin_is_said_before_anything_is_rendered(tmp_path: Path) -> None:
    source = tmp_path / "hosts.yml"
    source.write_text(yaml.safe_dump(MANY))
    wrong = ["*", "https://a.example/", "tasks.example.org", 'https://a"; evil "']
    done = render(tmp_path, source, "gateway1", cors_origins=["https://right.example", *wrong])
    assert done.returncode != 0
    assert f"what is no origin: {', '.join(wrong)}.\n" in done.stdout
    assert not (tmp_path / "gateway1" / "nginx.conf").exists()


def test_clients_are_served_by_https_with_http_2_and_sent_there_from_http(many: Path) -> None:
    configuration = (many / "gateway1" / "nginx.conf").read_text()
    assert re.findall(r"listen (.*) default_server", configuration) == ["28080", "28443 ssl http2"]
    assert "return 308 https://$host:28443$request_uri;" in configuration
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in configuration
    assert 'Strict-Transport-Security "max-age=63072000"' in configuration


def test_behind_a_load_balancer_that_does_tls_there_is_none(variants: Path) -> None:
    configuration = (variants / "plain" / "nginx.conf").read_text()
    assert re.findall(r"listen (.*) default_server", configuration) == ["28080"]
    assert "ssl" not in configuration
    assert "Strict-Transport-Security" not in configuration


def test_browsers_are_told_nothing_while_it_is_not_sure_that_tls_stays(variants: Path) -> None:
    configuration = (variants / "trying" / "nginx.conf").read_text()
    assert "listen 28443 ssl" in configuration
    assert "Strict-Transport-Security" not in configuration


def test_an_acme_servers_questions_are_answered_in_the_clear(variants: Path, many: Path) -> None:
    path = "^~ /.well-known/acme-challenge/"
    assert "root /var/lib/taskyard-acme;" in location((variants / "public" / "nginx.conf").read_text(), path)
    assert path not in (many / "gateway1" / "nginx.conf").read_text()


def test_the_data_are_reached_by_tls_alone(many: Path) -> None:
    database = yaml.safe_load((many / "data1" / "mongod.conf").read_text())
    assert database["net"]["tls"]["mode"] == "requireTLS"
    cache = (many / "data1" / "redis.conf").read_text().splitlines()
    assert {"port 0", "tls-port 6379", "tls-replication yes"} <= set(cache)


def location(configuration: str, path: str) -> str:
    block = re.search(
        rf"^( *)location {re.escape(path)} \{{(.*?)^\1\}}", configuration, re.DOTALL | re.MULTILINE
    )
    assert block, path
    return block[2]
