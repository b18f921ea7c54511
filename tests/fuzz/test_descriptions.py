"""The services do what their OpenAPI documents say, and nothing that they do not say: schemathesis asks.

`MAX_EXAMPLES` is the number of requests an operation and phase, beside the examples and the coverage of every
constraint in the document. What a run found, it prints with a curl command; the seed makes it the same again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tools.local_stack import LocalStack
from tools.packages import ROOT

MAX_EXAMPLES = os.environ.get("MAX_EXAMPLES", "100")
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
# Chains of calls (stateful) end early when the same calls are not answered as before, and a service that
# remembers does that. Each seed begins with other chains.
RUNS = [(1, "examples,coverage,fuzzing,stateful"), *((seed, "stateful") for seed in (2, 3, 4))]


@pytest.mark.parametrize(
    ("where", "document"),
    [
        pytest.param("auth", "/auth/openapi.json", id="auth"),
        pytest.param("tasks", "/tasks/openapi.json", id="one task instance"),
        pytest.param("gateway", "/docs/openapi.json", id="both through the gateway"),
    ],
)
def test_what_is_described_is_what_happens(
    stack: LocalStack, tmp_path: Path, where: str, document: str
) -> None:
    url = {"auth": stack.auth_url, "tasks": stack.task_urls[0], "gateway": stack.gateway_url}[where]
    answers = tmp_path / "answers.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "FUZZ_GATEWAY_URL": stack.gateway_url,
        "FUZZ_ANSWERS": str(answers),
        "NO_PROXY": "*",
    }
    answered: dict[str, Counter[str]] = {}
    for seed, phases in RUNS:
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION)),
            *("run", url + document, "--url", url, "--checks", "all", "--max-examples", MAX_EXAMPLES),
            *("--phases", phases, "--seed", str(seed)),
        ]
        # What it leaves behind goes into a folder that nobody keeps.
        done = subprocess.run(command, cwd=tmp_path, env=environment, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, "what was found is printed above"
        for operation, statuses in json.loads(answers.read_text(encoding="utf-8")).items():
            answered.setdefault(operation, Counter()).update(statuses)
    for operation, counts in sorted(answered.items()):
        sys.stdout.write(f"{operation:40} {dict(sorted(counts.items()))}\n")
    # Nothing is proved by a run that was turned away.
    served = {name for name, counts in answered.items() if any(status.startswith("2") for status in counts)}
    assert served == operations(url + document)


def operations(document_url: str) -> set[str]:
    paths = httpx.get(document_url, trust_env=False).json()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
