"""The services do what their OpenAPI documents say, and nothing that they do not say: schemathesis asks.

`MAX_EXAMPLES` is the number of requests an operation and phase, beside the examples and the coverage of every
constraint in the document. What a run found, it prints with a curl command; the seed makes it the same again.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.people import client
from tools.local_stack import LocalStack

MAX_EXAMPLES = os.environ.get("MAX_EXAMPLES", "100")
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def users(stack: LocalStack) -> Iterator[Path]:
    """Two people with accounts, as a Web Fuzzing Commons file. Neither may see what the other has."""
    path = stack.folder / "fuzz-users.json"
    entries = [{"name": name, "fixedHeaders": [sign_in(stack)]} for name in ("anna", "ben")]
    path.write_text(json.dumps({"auth": entries}))
    yield path
    path.unlink()


def sign_in(stack: LocalStack) -> dict[str, str]:
    email = f"{secrets.token_hex(8)}@example.com"
    with client(stack.gateway_url) as opened:
        answer = opened.post("/auth/register", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        answer = opened.post("/auth/login", data={"username": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
    return {"name": "Authorization", "value": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize(
    ("where", "document"),
    [
        pytest.param("auth", "/auth/openapi.json", id="auth"),
        pytest.param("tasks", "/tasks/openapi.json", id="one task instance"),
        pytest.param("gateway", "/docs/openapi.json", id="both through the gateway"),
    ],
)
def test_what_is_described_is_what_happens(
    stack: LocalStack, users: Path, tmp_path: Path, where: str, document: str
) -> None:
    url = {"auth": stack.auth_url, "tasks": stack.task_urls[0], "gateway": stack.gateway_url}[where]
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION)),
        *("run", url + document, "--url", url, "--checks", "all", "--max-examples", MAX_EXAMPLES),
        *("--phases", "examples,coverage,fuzzing,stateful"),
    ]
    environment = {**os.environ, "FUZZ_USERS": str(users), "NO_PROXY": "*"}
    # What it leaves behind goes into a folder that nobody keeps.
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
