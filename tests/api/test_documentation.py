"""The OpenAPI documents, and the page on which people read and try them."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tools.local_stack import LocalStack

# Generated clients have methods of these names: a name that changes breaks them.
AUTH = {
    "register": "POST /auth/register",
    "login": "POST /auth/login",
    "refresh": "POST /auth/refresh",
    "logout": "POST /auth/logout",
    "logout_all": "POST /auth/logout-all",
    "list_sessions": "GET /auth/sessions",
    "end_session": "DELETE /auth/sessions/{session_id}",
    "me": "GET /auth/me",
    "update_me": "PATCH /auth/me",
    "delete_me": "DELETE /auth/me",
    "jwks": "GET /auth/.well-known/jwks.json",
}
TASKS = {
    "list_tasks": "GET /tasks",
    "create_task": "POST /tasks",
    "update_tasks": "PATCH /tasks",
    "clear_tasks": "DELETE /tasks",
    "create_tasks": "POST /tasks/bulk",
    "get_task": "GET /tasks/{task_id}",
    "update_task": "PATCH /tasks/{task_id}",
    "delete_task": "DELETE /tasks/{task_id}",
}
HEALTH = {"healthz": "GET /healthz", "readyz": "GET /readyz"}


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


@pytest.fixture(params=["/auth/openapi.json", "/tasks/openapi.json", "/docs/openapi.json"])
def document(gateway: httpx.Client, request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = gateway.get(request.param).json()
    return found


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/auth", AUTH | HEALTH),
        ("/tasks", TASKS | HEALTH),
        ("/docs", AUTH | TASKS),  # the gateway does not pass HEALTH on
    ],
)
def test_each_document_has_exactly_its_operations_under_their_names(
    gateway: httpx.Client, path: str, named: dict[str, str]
) -> None:
    found = [
        (operation["operationId"], f"{method.upper()} {address}")
        for address, methods in gateway.get(f"{path}/openapi.json").json()["paths"].items()
        for method, operation in methods.items()
    ]
    assert sorted(found) == sorted(named.items())


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
