"""What the OpenAPI document says to those who read it, and to programs that are made from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app.docs.combined import document

OPERATIONS = {
    operation["operationId"]: operation
    for path in document()["paths"].values()
    for operation in path.values()
}
SCHEMAS: dict[str, Any] = document()["components"]["schemas"]


def json_bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas of what is sent and of what is answered when all is well."""
    success = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    for body in (operation.get("requestBody", {}), *success):
        for content in body.get("content", {}).values():
            yield content["schema"]


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"jwks"}))
def test_every_body_has_an_example(name: str) -> None:
    for schema in json_bodies(OPERATIONS[name]):
        reference = schema.get("items", schema)["$ref"]
        assert SCHEMAS[reference.rpartition("/")[2]]["examples"], reference


@pytest.mark.parametrize("name", ["AccountPatch", "TaskPatch"])
def test_a_patch_has_no_defaults_that_a_client_would_send(name: str) -> None:
    assert not [field for field, schema in SCHEMAS[name]["properties"].items() if "default" in schema]


def test_a_change_of_an_account_has_to_change_something() -> None:
    assert SCHEMAS["AccountPatch"]["anyOf"] == [{"required": ["email"]}, {"required": ["password"]}]


def test_a_header_that_is_not_sent_has_no_default() -> None:
    headers = [
        parameter
        for operation in OPERATIONS.values()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "header"
    ]
    assert len(headers) == 6
    assert not [header for header in headers if "default" in header["schema"]]


def test_a_link_leads_to_an_operation_and_fills_in_its_body() -> None:
    links = [
        link
        for operation in OPERATIONS.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) == 3
    for link in links:
        (schema,) = (
            content["schema"]
            for content in OPERATIONS[link["operationId"]]["requestBody"]["content"].values()
        )
        assert link["requestBody"].keys() == set(SCHEMAS[schema["$ref"].rpartition("/")[2]]["required"])
