"""Who may reach whom: what the firewall's rules are derived to be from an inventory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.templates.test_rendered import MANY, inventory, rendered
from tests.templates.test_wiring import many
from tools.packages import ROOT

# What Ansible takes long for is done once, for one of the processes among which the tests are shared out.
pytestmark = pytest.mark.xdist_group("flows")

WORLD = {"0.0.0.0/0", "::/0"}
GATEWAYS = {"10.0.0.11", "10.0.0.12"}
APPS = {"10.0.0.21", "10.0.0.22"}
Matrix = dict[str, dict[int, set[str]]]


def matrix(source: Path) -> Matrix:
    """{machine: {port: who may reach it}} of an inventory."""
    question = "msg={{ cluster_flows | to_json }}"
    asking = [
        "-i",
        str(source),
        "all",
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
    found: Matrix = {}
    for host, answer in re.findall(r"^(\S+) \| SUCCESS => (\{.*\})$", done.stdout, re.MULTILINE):
        message = json.loads(answer)["msg"]
        flows = json.loads(message) if isinstance(message, str) else message
        found[host] = {}
        for flow in flows:
            for port in flow["ports"]:
                found[host].setdefault(port, set()).update(flow["sources"])
    return found


def of(folder: Path, hosts: Mapping[str, Any]) -> Matrix:
    source = folder / "hosts.yml"
    source.write_text(yaml.safe_dump(hosts))
    return matrix(source)


def test_of_the_local_cluster_the_world_reaches_the_gateway_alone() -> None:
    gateway, app = {"192.168.56.10"}, {"192.168.56.20"}
    assert matrix(ROOT / "inventory" / "local" / "hosts.yml") == {
        "gateway1": {22: WORLD} | dict.fromkeys(gateway_ports(), WORLD),
        "app1": {22: WORLD} | dict.fromkeys((8001, 8002, 8003, 8004), gateway),
        "data1": {22: WORLD, 27017: app, 6379: app},
    }


def gateway_ports() -> set[int]:
    """What the role nginx listens on where the inventory says nothing."""
    defaults = yaml.safe_load((ROOT / "roles" / "nginx" / "defaults" / "main.yml").read_text())
    ports = {defaults["nginx_port"]}
    return ports | {defaults.get("nginx_https_port", 443)} if defaults.get("nginx_tls") else ports


def test_of_many_machines_each_is_reached_by_those_that_need_it(tmp_path: Path) -> None:
    members = {f"10.0.0.3{number}" for number in (1, 2, 3)}
    data = {
        f"data{number}": {22: WORLD, 27017: APPS | members - {f"10.0.0.3{number}"}} for number in (1, 2, 3)
    }
    assert of(tmp_path, MANY) == {
        "gateway1": {22: WORLD} | dict.fromkeys(gateway_ports(), WORLD),
        "gateway2": {22: WORLD} | dict.fromkeys(gateway_ports(), WORLD),
        "app1": {22: WORLD} | dict.fromkeys((8001, 8002, 8003, 8004), GATEWAYS),
        "app2": {22: WORLD} | dict.fromkeys((8001, 8002, 8005), GATEWAYS),
        **data,
        "data1": data["data1"] | {6379: APPS},
    }


def test_what_the_inventory_sets_for_one_machine_is_what_it_is_reached_at(tmp_path: Path) -> None:
    hosts = many(firewall_ssh_sources=["10.5.0.0/16"])
    machines, groups = hosts["all"]["hosts"], hosts["all"]["children"]
    machines["gateway1"] |= {"nginx_port": 8080, "nginx_tls": True, "nginx_https_port": 8443}
    machines["gateway2"] |= {"nginx_port": 8080, "nginx_tls": False, "private_address": "10.9.0.12"}
    machines["app1"] |= {"ansible_port": 2222, "auth_service_state": "absent"}
    machines["app2"] |= {"auth_service_ports": [9001, 9002]}
    groups["mongodb"]["hosts"]["data2"] = {"mongodb_port": 27018}
    groups["redis"]["vars"] = {"redis_port": 6380}
    groups["redis"]["hosts"]["data2"] = {}
    found = of(tmp_path, hosts)
    operators = {"10.5.0.0/16"}
    assert found["gateway1"] == {22: operators, 8080: WORLD, 8443: WORLD}
    assert found["gateway2"] == {22: operators, 8080: WORLD}
    gateways = {"10.0.0.11", "10.9.0.12"}
    assert found["app1"] == {2222: operators} | dict.fromkeys((8002, 8003, 8004), gateways)
    assert found["app2"] == {22: operators} | dict.fromkeys((9001, 9002, 8002, 8005), gateways)
    assert set(found["data2"]) == {22, 27018, 6380}
    assert found["data2"][6380] == APPS | {"10.0.0.31"}


def test_a_machine_that_leaves_reaches_nothing_and_is_reached_by_ssh_alone(tmp_path: Path) -> None:
    hosts = many()
    # Also where it was forgotten in its groups.
    hosts["all"]["children"]["retired"] = {"hosts": {"app2": {}, "data3": {}}}
    found = of(tmp_path, hosts)
    assert found["app2"] == found["data3"] == {22: WORLD}
    assert found["data1"] == {22: WORLD, 27017: {"10.0.0.21", "10.0.0.32"}, 6379: {"10.0.0.21"}}


def test_of_one_machine_only_the_gateway_is_reached(tmp_path: Path) -> None:
    groups = ("gateway", "auth_service", "task_service", "mongodb", "redis")
    hosts = inventory({"one": "10.0.0.1"}, {group: {"hosts": {"one": {}}} for group in groups})
    hosts["all"]["vars"] = {"auth_service_ports": [8001], "task_service_ports": [8002]}
    found = {port: sources for port, sources in of(tmp_path, hosts)["one"].items() if sources}
    assert found == {22: WORLD} | dict.fromkeys(gateway_ports(), WORLD)


def test_the_rules_are_what_was_derived(tmp_path: Path) -> None:
    hosts = many(
        firewall_extra_rules=[
            {"name": "agent", "protocol": "udp", "ports": [9101, 9100], "sources": ["10.6.0.1", "fd00::/64"]}
        ]
    )
    folder = rendered(tmp_path, hosts, "app2,data1")
    lines = [line.strip() for line in (folder / "app2" / "firewall.nft").read_text().splitlines()]
    assert [line for line in lines if "comment" in line] == [
        'meta nfproto ipv4 tcp dport 22 accept comment "ssh"',
        'meta nfproto ipv6 tcp dport 22 accept comment "ssh"',
        'ip saddr 10.0.0.11 tcp dport 8001 accept comment "auth service"',
        'ip saddr 10.0.0.12 tcp dport 8001 accept comment "auth service"',
        'ip saddr 10.0.0.11 tcp dport 8002 accept comment "task service"',
        'ip saddr 10.0.0.11 tcp dport 8005 accept comment "task service"',
        'ip saddr 10.0.0.12 tcp dport 8002 accept comment "task service"',
        'ip saddr 10.0.0.12 tcp dport 8005 accept comment "task service"',
        'ip saddr 10.6.0.1 udp dport 9100 accept comment "agent"',
        'ip saddr 10.6.0.1 udp dport 9101 accept comment "agent"',
        'ip6 saddr fd00::/64 udp dport 9100 accept comment "agent"',
        'ip6 saddr fd00::/64 udp dport 9101 accept comment "agent"',
    ]
    assert "policy drop;" in " ".join(lines)
    # One table is replaced, and no other is touched.
    text = (folder / "data1" / "firewall.nft").read_text()
    assert re.findall(r"^(?:add |delete )?table .*$", text, re.MULTILINE) == [
        "add table inet taskyard",
        "delete table inet taskyard",
        "table inet taskyard {",
    ]
    assert "flush" not in text
