"""What the playbooks make of an inventory: how the parts of a cluster find each other."""

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
        assert (parts.hostname, unquote(parts.password or "")) == ("10.0.0.31", PASSWORD)
        assert redis.Redis.from_url(found[name]).get_connection_kwargs()["password"] == PASSWORD


def test_a_replica_signs_in_with_a_password_of_any_characters(tmp_path: Path) -> None:
    hosts = many(vault_redis_replication_password='a "b" \\c')
    hosts["all"]["children"]["redis"]["hosts"]["data2"] = {}
    folder = rendered(tmp_path, hosts, "data2")
    assert 'masterauth "a \\"b\\" \\\\c"\n' in (folder / "data2" / "redis.conf").read_text()
