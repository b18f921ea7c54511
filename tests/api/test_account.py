"""Changing and deleting an account, and who is kept from guessing its password."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.api.accounts import PASSWORD, SignedIn, login, new_email, register, sign_in, sign_up
from tests.api.conftest import eventually
from tests.api.people import client
from tests.api.test_processes import Service
from tools.local_stack import LocalStack

NEW = "another good long password"


@pytest.fixture
def anna(gateway: httpx.Client) -> SignedIn:
    return sign_up(gateway)


def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(anna: SignedIn) -> None:
    other = anna.again()
    wrong = anna.call("PATCH", "/auth/me", json={"password": NEW, "current_password": "not it"})
    assert wrong.status_code == 403
    assert other.call("GET", "/auth/me").status_code == 200
    changed = anna.call("PATCH", "/auth/me", json={"password": NEW, "current_password": PASSWORD})
    assert (changed.status_code, changed.json()["email"]) == (200, anna.email)
    assert other.exchange().status_code == 401
    assert other.call("GET", "/auth/me").status_code == 401
    assert anna.exchange().status_code == 200
    assert login(anna.gateway, anna.email).status_code == 401
    assert login(anna.gateway, anna.email, NEW).status_code == 200


def test_the_address_can_be_changed_to_a_free_one(gateway: httpx.Client, anna: SignedIn) -> None:
    taken = sign_up(gateway).email
    patch = {"email": taken.upper(), "current_password": PASSWORD}
    assert anna.call("PATCH", "/auth/me", json=patch).status_code == 409
    free = new_email()
    answer = anna.call("PATCH", "/auth/me", json={**patch, "email": free.upper()})
    assert (answer.status_code, answer.json()["email"]) == (200, free)
    assert login(gateway, anna.email).status_code == 401
    assert login(gateway, free).status_code == 200


@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"current_password": PASSWORD},
        {"password": NEW},
        {"password": None, "current_password": PASSWORD},
        {"email": None, "current_password": PASSWORD},
        {"email": "nobody", "current_password": PASSWORD},
        {"password": "short", "current_password": PASSWORD},
        {"password": NEW, "current_password": PASSWORD, "admin": True},
    ],
)
def test_half_a_change_is_refused(anna: SignedIn, patch: dict[str, object]) -> None:
    assert anna.call("PATCH", "/auth/me", json=patch).status_code == 422
    assert anna.exchange().status_code == 200


@pytest.mark.parametrize(
    "password",
    ["1234567", "xy" * 65, "Password1", "qwertyuiop", "trustno1", "aaaaaaaaaaaa", "12345678"],
)
def test_a_password_that_is_short_long_or_common_is_refused(gateway: httpx.Client, password: str) -> None:
    answer = register(gateway, new_email(), password)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/body/password"
    assert password not in answer.text


@pytest.mark.parametrize("password", ["x7Qp3zLk", "ä" * 64 + "b" * 64, "密码密码密码密码x", " blanks count "])
def test_a_password_of_8_to_128_characters_is_taken_as_it_is(gateway: httpx.Client, password: str) -> None:
    email = new_email()
    assert register(gateway, email, password).status_code == 201
    assert login(gateway, email, password).status_code == 200
    assert login(gateway, email, password.strip() + "?").status_code == 401


def test_a_deleted_account_takes_its_tasks_and_sessions_along(stack: LocalStack, anna: SignedIn) -> None:
    other = anna.again()
    me = anna.call("GET", "/auth/me").json()["id"]
    for key in "abc":
        made = anna.call("POST", "/tasks", json={"title": key}, headers={"Idempotency-Key": key})
        assert made.status_code == 201
    assert kept_of(stack, me) == ["idempotency_keys", "tasks"]
    assert anna.call("DELETE", "/auth/me").status_code == 204
    for session in (anna, other):
        assert session.exchange().status_code == 401
        assert session.call("GET", "/auth/me").status_code == 401
        eventually(lambda session: session.call("GET", "/tasks").status_code == 401, session)
    assert login(anna.gateway, anna.email).status_code == 401
    eventually(lambda: kept_of(stack, me) == [])
    assert register(anna.gateway, anna.email).status_code == 201  # the address is free again
    assert sign_in(anna.gateway, anna.email).call("GET", "/tasks").json() == []


def test_tasks_of_a_deleted_account_go_when_the_task_service_is_back(
    faults: LocalStack, anna: SignedIn
) -> None:
    me = anna.call("GET", "/auth/me").json()["id"]
    anna.call("POST", "/tasks", json={"title": "a"})
    for instance in faults.tasks:
        instance.kill()
    assert anna.call("DELETE", "/auth/me").status_code == 204
    assert tasks_of(faults, me) == 1
    faults.tasks[1].start()
    eventually(lambda: tasks_of(faults, me) == 0)


def test_what_a_late_request_adds_to_a_deleted_account_goes_as_well(
    stack: LocalStack, anna: SignedIn
) -> None:
    me = anna.call("GET", "/auth/me").json()["id"]
    anna.call("DELETE", "/auth/me")
    with stack.database.admin() as mongodb:
        outbox = mongodb["taskyard_deletions"]["accounts"]
        eventually(
            lambda: outbox.count_documents({"$expr": {"$eq": ["$due_at", "$tokens_end_at"]}, "_id": me}) == 1
        )
        mongodb["taskyard_tasks"]["tasks"].insert_one({"owner": me, "title": "late"})
        now = [{"$set": {"due_at": "$$NOW", "tokens_end_at": "$$NOW"}}]  # its tokens have expired
        outbox.update_one({"_id": me}, now)
        eventually(lambda: outbox.count_documents({"_id": me}) == 0)
    assert tasks_of(stack, me) == 0


def test_auth_killed_within_a_deletion_leaves_all_or_nothing(
    faults: LocalStack, gateway: httpx.Client
) -> None:
    for delay in (0.0, 0.002, 0.004, 0.008, 0.016):
        anna = sign_up(gateway)
        me = anna.call("GET", "/auth/me").json()["id"]
        anna.call("POST", "/tasks", json={"title": "a"})
        request = threading.Thread(target=delete_and_lose, args=(anna,))
        request.start()
        threading.Event().wait(delay)
        faults.auth[0].kill()
        request.join()
        faults.auth[0].start()
        eventually(lambda: login(gateway, new_email()).status_code == 401)
        signed_in = login(gateway, anna.email)
        if signed_in.status_code == 200:
            again = SignedIn(gateway, anna.email, signed_in.json())
            assert [task["title"] for task in again.call("GET", "/tasks").json()] == ["a"]
            assert anna.exchange().status_code == 200
        else:
            assert anna.exchange().status_code == 401
            eventually(lambda me: tasks_of(faults, me) == 0, me)


def delete_and_lose(somebody: SignedIn) -> None:
    try:
        with client(str(somebody.gateway.base_url)) as own:
            SignedIn(own, somebody.email, somebody.tokens).call("DELETE", "/auth/me")
    except httpx.TransportError:
        pass


def kept_of(stack: LocalStack, user: str) -> list[str]:
    """Name the collections in which the task service keeps something of a person."""
    hers = {"$or": [{name: user} for name in ("owner", "_id.owner", "user")]}
    with stack.database.admin() as mongodb:
        tasks = mongodb["taskyard_tasks"]
        return sorted(name for name in tasks.list_collection_names() if tasks[name].count_documents(hers))


def tasks_of(stack: LocalStack, user: str) -> int:
    with stack.database.admin() as mongodb:
        return mongodb["taskyard_tasks"]["tasks"].count_documents({"owner": user})


@pytest.fixture
def strict(stack: LocalStack, redis: Redis, tmp_path: Path) -> Iterator[httpx.Client]:
    """An auth instance with few attempts, none of which was used."""
    for key in redis.scan_iter("auth:attempts*"):
        redis.delete(key)
    service = Service(
        stack,
        "auth",
        tmp_path,
        TASKYARD_AUTH_ATTEMPTS_PER_ACCOUNT="3 per hour",
        TASKYARD_AUTH_ATTEMPTS_PER_ADDRESS="12 per hour",
    )
    service.start()
    with client(service.url) as opened:
        yield opened
    service.process.stop()


def test_guessing_one_password_is_stopped_and_the_answer_says_for_how_long(
    gateway: httpx.Client, strict: httpx.Client, anna: SignedIn
) -> None:
    assert [login(strict, anna.email, "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = login(strict, anna.email)
    assert refused.status_code == 429  # the right one as well: an answer would tell that it is right
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    unknown = new_email()
    assert [login(strict, unknown).status_code for _ in range(4)] == [401, 401, 401, 429]


def test_the_right_password_forgets_earlier_mistakes(strict: httpx.Client, anna: SignedIn) -> None:
    for _ in range(2):
        assert [login(strict, anna.email, "wrong").status_code for _ in range(2)] == [401, 401]
        assert login(strict, anna.email).status_code == 200


def test_one_address_cannot_try_many_accounts(strict: httpx.Client, anna: SignedIn) -> None:
    tries = [login(strict, new_email()).status_code for _ in range(14)]
    assert tries.count(429) > 0
    assert register(strict, new_email()).status_code == 429


def test_the_current_password_cannot_be_guessed_either(strict: httpx.Client, anna: SignedIn) -> None:
    patch = {"password": NEW, "current_password": "wrong"}
    mine = SignedIn(strict, anna.email, anna.tokens)
    assert [mine.call("PATCH", "/auth/me", json=patch).status_code for _ in range(4)] == [403, 403, 403, 429]


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_without_redis_attempts_are_still_counted(
    faults: LocalStack, strict: httpx.Client, anna: SignedIn, how: str
) -> None:
    faults.redis.kill() if how == "killed" else faults.redis.pause()
    assert [login(strict, anna.email, "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_during_a_storm_of_sign_ins_others_are_answered(stack: LocalStack, anna: SignedIn) -> None:
    """The storm is more than two threads can hash in the time that the others need, wherever this runs."""
    storm = 40
    with ThreadPoolExecutor(storm) as threads, client(stack.auth_url) as own:
        pending = [threads.submit(lone_login, stack.auth_url, new_email()) for _ in range(storm)]
        mine = SignedIn(own, anna.email, anna.tokens)
        answered = [mine.call("GET", "/auth/me").status_code for _ in range(10)]
        still_waiting = sum(not future.done() for future in pending)
        assert {future.result() for future in pending} <= {401, 503}
    assert answered == [200] * 10
    assert still_waiting > 0


def lone_login(url: str, email: str) -> int:
    with client(url) as opened:
        return login(opened, email).status_code
