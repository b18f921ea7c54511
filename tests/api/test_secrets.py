"""What nobody may read in a log, whether all goes well or nothing does."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable

import httpx

from tests.api.accounts import SignedIn, bearer, login, new_email, register, sign_in
from tests.api.people import Person
from tools.local_stack import LocalStack


def are_in_no_log(stack: LocalStack, kept: Iterable[str]) -> None:
    """Those of the services, the gateway and the databases."""
    logs = [path for path in stack.folder.rglob("*.log") if path.stat().st_size]
    services = [process.log for process in (*stack.auth, *stack.tasks)]
    assert {*services, stack.folder / "nginx" / "access.log"} < set(logs)
    for path in logs:
        written = path.read_text(errors="replace")
        assert not [secret for secret in kept if secret in written], path


def parts(session: SignedIn) -> list[str]:
    """Each by itself: half of a token in a log is too much already."""
    return [*session.access.split(".")[1:], *session.refresh.split(".")]


def test_no_secret_and_no_token_reaches_a_log(stack: LocalStack, anna: Person) -> None:
    anna.titles()
    are_in_no_log(stack, [anna.token, *stack.passwords.values()])


def test_nothing_of_an_account_reaches_a_log_from_its_beginning_to_its_end(
    stack: LocalStack, gateway: httpx.Client
) -> None:
    email, old, new = new_email(), secrets.token_hex(16), secrets.token_hex(16)
    assert register(gateway, email, old).status_code == 201
    anna = sign_in(gateway, email, old)
    renewed = SignedIn(gateway, email, anna.exchange().json())
    change = {"password": new, "current_password": old}
    assert renewed.call("PATCH", "/auth/me", json=change).status_code == 200
    assert renewed.call("GET", "/tasks").status_code == 200
    assert renewed.call("POST", "/auth/logout").status_code == 204
    are_in_no_log(stack, [old, new, *parts(anna), *parts(renewed)])


def test_nothing_that_is_refused_reaches_a_log(stack: LocalStack, gateway: httpx.Client) -> None:
    email, right, wrong = new_email(), secrets.token_hex(16), secrets.token_hex(16)
    spoilt = [f"{wrong}\ud800", wrong * 100, {wrong: wrong}, [wrong]]
    assert register(gateway, email, right).status_code == 201
    anna = sign_in(gateway, email, right)
    change = {"password": right, "current_password": wrong}
    forged = f"{anna.access}{wrong}"
    answers = [
        register(gateway, email, wrong),
        register(gateway, wrong, wrong),
        login(gateway, email, wrong),
        login(gateway, email, wrong * 100),
        gateway.get(f"/auth/login?username={email}&password={wrong}"),
        anna.call("PATCH", "/auth/me", json=change),
        *(send(anna, "POST", "/auth/register", {"email": email, "password": value}) for value in spoilt),
        *(send(anna, "POST", "/auth/refresh", {"refresh_token": value}) for value in spoilt),
        *(send(anna, "PATCH", "/auth/me", {**change, "current_password": value}) for value in spoilt),
        *(send(anna, "PATCH", "/auth/me", {**change, "password": value}) for value in spoilt),
        gateway.get("/auth/me", headers=bearer(forged)),
        gateway.get("/tasks", headers=bearer(forged)),
        gateway.get(f"/tasks?access_token={anna.access}"),
        gateway.get("/tasks", headers={"Authorization": f"Basic {wrong}"}),
    ]
    renewed = SignedIn(gateway, email, anna.exchange().json())
    answers += [anna.exchange(), renewed.exchange(), renewed.call("POST", "/auth/logout")]
    assert {answer.status_code for answer in answers} == {401, 403, 405, 409, 422}
    are_in_no_log(stack, [right, wrong, *parts(anna), *parts(renewed)])


def send(somebody: SignedIn, method: str, path: str, body: object) -> httpx.Response:
    """JSON that the client's own encoder would refuse to write."""
    headers = {**bearer(somebody.access), "Content-Type": "application/json"}
    return somebody.gateway.request(method, path, content=json.dumps(body), headers=headers)
