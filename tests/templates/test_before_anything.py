"""What playbooks/preflight.yml asks of a machine, which is this computer here: it only looks."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.packages import ROOT

PYTHON = "/usr/bin/python3"
HAS_APT = subprocess.run([PYTHON, "-c", "import apt"], capture_output=True, check=False).returncode == 0

pytestmark = [
    # What Ansible takes long for is done once, for one of the processes among which the tests are shared out.
    pytest.mark.xdist_group("before_anything"),
    pytest.mark.skipif(not HAS_APT, reason="a machine of the cluster is Debian with python3-apt"),
]


def preflight(folder: Path, *arguments: str, **variables: object) -> str:
    """What the playbook says of one machine that is in every group."""
    here = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": PYTHON,
        "private_address": "127.0.0.1",
        "secrets_dir": str(folder / "secrets"),
        "mongodb_source": "wheel",
        "auth_service_ports": [18001],
        "task_service_ports": [18002],
        "nginx_port": 18080,
    }
    groups = ("gateway", "auth_service", "task_service", "mongodb", "redis")
    hosts: dict[str, Any] = {
        "all": {
            "hosts": {"here": {}},
            "vars": here | variables,
            "children": {group: {"hosts": {"here": {}}} for group in groups},
        }
    }
    source = folder / "hosts.yml"
    source.write_text(yaml.safe_dump(hosts))
    command = ["-m", "ansible", "playbook", "-i", str(source), "playbooks/preflight.yml", *arguments]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "here is not ready, and nothing has been changed on it" in said or done.returncode == 0, said
    return said


ABSENT = (
    "base",
    "hardening",
    "firewall",
    "mongodb",
    "redis",
    "release",
    "auth_service",
    "task_service",
    "nginx",
)


def test_all_of_it_is_said_at_once(tmp_path: Path) -> None:
    said = preflight(
        tmp_path,
        release_keep=0,
        redis_maxmemory="much",
        mongodb_version="newest",
        nginx_cors_origins=["*"],
        base_apt_proxy="proxy",
        auth_service_ports=[1],
        task_service_ports=[2],
        redis_address="db",
        auth_service_trusted_proxies=["gateway"],
        base_hosts={"here": "127.0.0.1", "data1": "cafe"},
        firewall_ssh_sources=["10.5.0.0/16", "office"],
        firewall_extra_rules=[{"name": 'a "b"', "ports": [0, 9100], "sources": ["10.0.0.1/24", "fd00::/8"]}],
    )
    assert "rules name what is no address and no network: office, 10.0.0.1/24." in said
    assert "rules name what is no port: 0." in said
    assert 'names that nftables would not take: a "b".' in said
    assert "The address of data1 is cafe, which is no IPv4 address" in said
    assert "redis_address is db, which is no IPv4 address" in said
    assert "auth_service_trusted_proxies has gateway, which is no IPv4 address" in said
    for option in ("release_keep", "redis_maxmemory", "mongodb_version", "cors_origins", "proxy"):
        assert f"{option}" in said, option
    assert "auth_service_ports is 1" in said
    assert "task_service_ports is 2" in said


def test_what_is_to_be_absent_needs_nothing(tmp_path: Path) -> None:
    states: dict[str, object] = {f"{role}_state": "absent" for role in ABSENT}
    said = preflight(tmp_path, release_keep=0, redis_maxmemory="much", mongodb_version="newest", **states)
    assert "is not ready" not in said


def test_a_part_alone_finds_what_the_others_options_are_made_from(tmp_path: Path) -> None:
    states: dict[str, object] = {"mongodb_state": "absent"}
    preflight(tmp_path, "--tags", "mongodb", **states)
    assert (tmp_path / "secrets" / "jwt_private_key.pem").exists()


OPERATOR = "198.51.100.7"


@pytest.mark.parametrize(
    ("options", "is_let_in"),
    [
        ({}, True),
        ({"firewall_ssh_sources": [f"{OPERATOR}/32"]}, True),
        ({"firewall_ssh_sources": ["10.0.0.0/8", "fd00::/8"]}, False),
        ({"firewall_ssh_ports": [22]}, False),
        ({"firewall_ssh_sources": []}, False),
    ],
)
def test_rules_that_would_shut_this_computer_out_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object], *, is_let_in: bool
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", f"{OPERATOR} 50000 203.0.113.10 2222")
    said = preflight(tmp_path, "--tags", "firewall", **({"ansible_port": 2222} | options))
    shut_out = f"This computer would be shut out: it comes from {OPERATOR} to port 2222 of the machine"
    assert (shut_out in said) is not is_let_in
    assert ("here is not ready" in said) is not is_let_in
