"""What every answer has: who gave it and which request it was. And who may do what in the databases."""

from __future__ import annotations

import re

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from app.common.health import Readiness
from app.common.keys import read_public_keys
from tests.api.people import Person, client
from tools.local_stack import LocalStack


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/nope"),
        ("PUT", "/tasks"),
        ("POST", "/tasks"),
        ("GET", "/tasks"),
        ("GET", "/readyz"),
    ],
)
def test_every_answer_says_who_gave_it_and_which_request_it_was(
    stack: LocalStack, anna: Person, method: str, path: str
) -> None:
    answer = anna.at(stack.task_urls[0]).request(method, path, headers={"X-Request-ID": "a-B_c.1"})
    assert answer.headers["X-Request-ID"] == "a-B_c.1"
    assert re.fullmatch(rf"[^.:]+:{stack.ports.tasks[0]}", answer.headers["X-Served-By"])


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a/b", '"', "a\tb", "ä"])
@pytest.mark.parametrize("where", ["gateway", "instance"])
def test_a_request_id_that_could_do_harm_is_replaced(
    stack: LocalStack, anna: Person, given: str, where: str
) -> None:
    url = stack.gateway_url if where == "gateway" else stack.task_urls[0]
    answer = anna.at(url).get("/tasks", headers=[(b"X-Request-ID", given.encode())])
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_the_gateway_hands_the_request_id_on(anna: Person) -> None:
    answer = anna.gateway.get("/tasks/nope", headers={"X-Request-ID": "from.outside"})
    assert answer.headers.get_list("X-Request-ID") == ["from.outside"]
    assert answer.json()["request_id"] == "from.outside"


def test_every_instance_takes_its_turn(stack: LocalStack, anna: Person) -> None:
    ports = {int(anna.gateway.get("/tasks").headers["X-Served-By"].split(":")[1]) for _ in range(30)}
    assert ports == set(stack.ports.tasks)


def test_health_and_readiness(stack: LocalStack) -> None:
    (kid,) = read_public_keys(stack.public_keys)
    for url, facts in (
        (stack.auth_url, {"keys": [kid], "signing_key": kid}),
        (stack.task_urls[0], {"keys": [kid]}),
    ):
        with client(url) as opened:
            assert opened.get("/healthz").json() == {"status": "ok"}
            ready = opened.get("/readyz").json()
            assert ready == {"status": "ok", "dependencies": {"mongodb": "ok", "redis": "ok"}, **facts}
            assert ready.keys() <= Readiness.model_fields.keys()


@pytest.mark.parametrize(("user", "other"), [("auth", "taskyard_tasks"), ("tasks", "taskyard_auth")])
def test_a_service_has_no_right_in_the_others_database(stack: LocalStack, user: str, other: str) -> None:
    with MongoClient[dict[str, object]](stack.database.uri(user)) as limited:
        limited.get_default_database()["probe"].find_one({})
        for forbidden in (
            lambda: limited[other]["users"].find_one({}),
            lambda: limited[other]["tasks"].insert_one({}),
            lambda: limited.list_database_names() and limited.admin.command("usersInfo", 1),
            lambda: limited.admin.command("shutdown"),
        ):
            with pytest.raises(OperationFailure) as refused:
                forbidden()
            assert refused.value.code == 13


def test_mongodb_and_redis_answer_nobody_without_a_password(stack: LocalStack) -> None:
    with MongoClient[dict[str, object]]("127.0.0.1", stack.ports.mongodb, directConnection=True) as anonymous:
        with pytest.raises(OperationFailure) as refused:
            anonymous["taskyard_tasks"]["tasks"].find_one({})
        assert refused.value.code == 13
