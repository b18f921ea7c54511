"""What an analyser of Nginx configurations (gixy) has to say about ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.templates.test_rendered import MANY, NGINX_FOR_TESTS, rendered

pytestmark = pytest.mark.xdist_group("rendered")

# What it finds and we have decided, each with the reason.
ACCEPTED = {
    "host_spoofing": "No service uses Host: addresses in answers are made from the configured one.",
    "worker_rlimit_nofile_vs_connections": (
        "It asks for two files a connection. Only a large request that is under way has more than one, and"
        " most connections are idle. Twice as many are more than some containers allow: there Nginx would go"
        " on with 1024."
    ),
}


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("holes")
    places = {f"_nginx_{kind}_dir": str(folder) for kind in ("run", "log", "state")}
    options = {"nginx_trusted_proxies": ["10.0.9.1"], "cors_origins": ["https://a.example"]}
    rendered(folder, MANY, "gateway1", **NGINX_FOR_TESTS, **places, **options)
    return (folder / "gateway1" / "nginx.conf").read_text()


def holes(folder: Path, configuration: str) -> dict[str, str]:
    """What is found, with the lines that it is about."""
    file = folder / "nginx.conf"
    file.write_text(configuration)
    command = [str(Path(sys.executable).with_name("gixy")), "--format", "json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {found["plugin"]: found["config"] for found in json.loads(done.stdout)}


def test_the_gateways_configuration_has_no_hole_that_was_not_decided(
    tmp_path: Path, configuration: str
) -> None:
    found = holes(tmp_path, configuration)
    assert found.keys() == ACCEPTED.keys(), found


def test_a_hole_is_found(tmp_path: Path, configuration: str) -> None:
    split = configuration.replace("return 404;", "return 301 https://tasks.example.org$uri;", 1)
    assert "http_splitting" in holes(tmp_path, split)
