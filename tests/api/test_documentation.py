"""The OpenAPI documents, and the page on which people read and try them."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tools.local_stack import LocalStack

AUTH = {"register", "login", "me", "jwks"}
TASKS = {"list_tasks", "create_task", "clear_tasks", "get_task", "update_task", "delete_task"}
HEALTH = {"healthz", "readyz"}


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


@pytest.fixture(params=["/auth/openapi.json", "/tasks/openapi.json", "/docs/openapi.json"])
def document(gateway: httpx.Client, request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = gateway.get(request.param).json()
    return found


@pytest.mark.parametrize(
    ("path", "named"), [("/auth", AUTH | HEALTH), ("/tasks", TASKS | HEALTH), ("/docs", AUTH | TASKS)]
)
def test_each_document_has_its_operations(gateway: httpx.Client, path: str, named: set[str]) -> None:
    found = [operation["operationId"] for operation in operations(gateway.get(f"{path}/openapi.json").json())]
    assert len(found) == len(set(found))
    assert named <= set(found)
    if path == "/docs":
        assert not HEALTH & set(found)  # the gateway does not pass these on


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for kind, name in re.findall(r"'#/components/(\w+)/([\w-]+)'", str(document)):
        assert name in document["components"][kind]


def test_every_error_is_described_as_a_problem_with_an_example(document: dict[str, Any]) -> None:
    for operation in operations(document):
        assert {"400", "405", "429", "503"} <= operation["responses"].keys()
        assert ("415" in operation["responses"]) is ("requestBody" in operation)
        for status, answer in operation["responses"].items():
            assert "#/components/headers/X-Request-ID" in str(answer["headers"])
            if int(status) >= 400 and operation["operationId"] != "readyz":
                (media_type,) = answer["content"]
                assert media_type == "application/problem+json"
                assert answer["content"][media_type]["example"]["status"] == int(status)


def test_a_document_says_what_it_is_about(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert document["servers"] == [{"url": "/"}]
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert described == {tag for operation in operations(document) for tag in operation["tags"]}
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme["flows"]["password"]["tokenUrl"] == "/auth/login"


@pytest.mark.parametrize("where", ["gateway", "auth"])
def test_the_page_needs_nobody_elses_computer(stack: LocalStack, gateway: httpx.Client, where: str) -> None:
    url = stack.gateway_url if where == "gateway" else stack.auth_url
    page = gateway.get(f"{url}/docs")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 6
    for link in links:
        assert link.startswith("/docs/")
        answer = gateway.get(url + link)
        assert answer.status_code == 200
        lasting = "immutable" in answer.headers["Cache-Control"]
        assert lasting is ("/assets/" in link)


def test_a_file_of_another_releases_page_is_not_kept(gateway: httpx.Client) -> None:
    answer = gateway.get("/docs/assets/start.js?v=0123456789abcdef")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert gateway.get("/docs/assets/other.js").status_code == 404
