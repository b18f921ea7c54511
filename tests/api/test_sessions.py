"""Sessions: refresh tokens that are good once, and sessions that end when they are told to."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import httpx
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from redis import Redis

from app.auth.sessions import MOST
from tests.api.accounts import SignedIn, bearer, sign_up
from tests.api.conftest import eventually
from tests.api.people import client
from tools.local_stack import LocalStack


@pytest.fixture
def anna(gateway: httpx.Client) -> SignedIn:
    return sign_up(gateway)


def status_at(url: str, token: str) -> int:
    with client(url) as opened:
        return opened.get("/tasks", headers=bearer(token)).status_code


def test_a_refresh_gives_new_tokens_of_the_same_session(anna: SignedIn) -> None:
    answer = anna.exchange()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json().keys() == anna.tokens.keys()
    renewed = SignedIn(anna.gateway, anna.email, answer.json())
    assert renewed.refresh != anna.refresh
    assert renewed.access != anna.access
    (session,) = renewed.call("GET", "/auth/sessions").json()
    assert session["current"] is True
    assert session["last_used_at"] > session["created_at"]
    assert anna.call("GET", "/tasks").status_code == 200  # the earlier access token is good to its end


def test_a_refresh_token_used_twice_ends_its_session_and_no_other(stack: LocalStack, anna: SignedIn) -> None:
    other = anna.again()
    renewed = SignedIn(anna.gateway, anna.email, anna.exchange().json())
    stolen = anna.exchange()
    assert stolen.status_code == 401
    assert stolen.headers["WWW-Authenticate"] == "Bearer"
    assert "sign in again" in stolen.json()["detail"]
    assert renewed.exchange().status_code == 401
    assert renewed.call("GET", "/auth/me").status_code == 401
    for url in stack.task_urls:
        eventually(lambda url: status_at(url, renewed.access) == 401, url)
    assert other.exchange().status_code == 200


def test_of_many_refreshes_at_once_at_most_one_is_answered_and_the_session_is_over(anna: SignedIn) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: anna.exchange(), range(8)))
    good = [answer for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    assert {answer.status_code for answer in answers} == {200, 401}
    assert anna.exchange(good[0].json()["refresh_token"]).status_code == 401


@pytest.mark.parametrize("token", ["", ".", "a.b", "nonsense", "x" * 200, "ä.ö", "\x00.\x00"])
def test_what_is_no_refresh_token_is_refused(anna: SignedIn, token: str) -> None:
    answer = anna.gateway.post("/auth/refresh", json={"refresh_token": token})
    assert answer.status_code == 401
    assert anna.exchange().status_code == 200


def test_half_of_a_refresh_token_does_not_end_the_session(anna: SignedIn) -> None:
    selector, _, verifier = anna.refresh.partition(".")
    for wrong in (f"{selector}x.{verifier}", f"{verifier}.{selector}"):
        assert anna.exchange(wrong).status_code == 401
    assert anna.exchange().status_code == 200


def test_neither_password_nor_refresh_token_is_stored_as_it_is(stack: LocalStack, anna: SignedIn) -> None:
    with stack.database.admin() as mongodb:
        documents = [
            document
            for collection in mongodb["taskyard_auth"].list_collection_names()
            for document in mongodb["taskyard_auth"][collection].find({})
        ]
    stored = str(documents)
    assert anna.email in stored
    for part in (*anna.refresh.split("."), anna.access):
        assert part not in stored


def test_after_logout_the_tokens_are_refused_everywhere_within_a_second(
    stack: LocalStack, anna: SignedIn
) -> None:
    other = anna.again()
    for url in stack.task_urls:
        assert status_at(url, anna.access) == 200
    assert anna.call("POST", "/auth/logout").status_code == 204
    ended = time.monotonic()
    assert anna.call("GET", "/auth/me").status_code == 401
    assert anna.exchange().status_code == 401
    for url in stack.task_urls:
        eventually(lambda url: status_at(url, anna.access) == 401, url)
    assert time.monotonic() - ended < 10  # a second where nothing else runs; `make smoke` measures it
    assert other.call("GET", "/tasks").status_code == 200
    assert anna.call("POST", "/auth/logout").status_code == 401


def test_a_session_ended_stays_ended_for_an_instance_that_starts_later(
    faults: LocalStack, anna: SignedIn
) -> None:
    anna.call("POST", "/auth/logout")
    instance = faults.tasks[0]
    instance.stop()
    instance.start()
    eventually(lambda: is_up(faults.task_urls[0]))
    assert status_at(faults.task_urls[0], anna.access) == 401


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("how", ["killed", "frozen", "flushed"])
def test_sessions_are_ended_without_redis_as_well(
    faults: LocalStack, redis: Redis, anna: SignedIn, how: str
) -> None:
    if how == "killed":
        faults.redis.kill()
    elif how == "frozen":
        faults.redis.pause()
    assert anna.call("POST", "/auth/logout").status_code == 204
    if how == "flushed":
        redis.flushall()
    for url in faults.task_urls:
        eventually(lambda url: status_at(url, anna.access) == 401, url)


def test_logout_all_ends_every_session(anna: SignedIn) -> None:
    others = [anna.again() for _ in range(2)]
    assert anna.call("POST", "/auth/logout-all").status_code == 204
    for session in (anna, *others):
        assert session.exchange().status_code == 401
        eventually(lambda session: session.call("GET", "/tasks").status_code == 401, session)


def test_sessions_are_listed_and_ended_one_by_one(anna: SignedIn) -> None:
    phone = anna.again(agent="a phone")
    listed = phone.call("GET", "/auth/sessions").json()
    assert [(session["user_agent"], session["current"]) for session in listed] == [
        ("a phone", True),
        ("test", False),
    ]
    assert all(session["address"] for session in listed)
    assert phone.call("DELETE", f"/auth/sessions/{listed[1]['id']}").status_code == 204
    assert anna.exchange().status_code == 401
    assert phone.call("DELETE", f"/auth/sessions/{listed[1]['id']}").status_code == 404
    assert len(phone.call("GET", "/auth/sessions").json()) == 1


def test_nobody_ends_somebody_elses_session(gateway: httpx.Client, anna: SignedIn) -> None:
    ben = sign_up(gateway)
    (session,) = anna.call("GET", "/auth/sessions").json()
    assert ben.call("DELETE", f"/auth/sessions/{session['id']}").status_code == 404
    assert anna.exchange().status_code == 200


def test_the_session_not_used_for_the_longest_time_makes_room(stack: LocalStack, anna: SignedIn) -> None:
    with stack.database.admin() as mongodb:
        sessions = mongodb["taskyard_auth"]["sessions"]
        mine = sessions.find_one({"user": anna.call("GET", "/auth/me").json()["id"]})
        assert mine
        names = [f"{mine['_id']}{number}" for number in range(MOST - 1)]
        sessions.insert_many([{**mine, "_id": name, "selector": name} for name in names])
        long_ago = {"last_used_at": mine["created_at"].replace(year=2020)}
        sessions.update_one({"_id": mine["_id"]}, {"$set": long_ago})
    newest = anna.again()
    assert len(newest.call("GET", "/auth/sessions").json()) == MOST
    assert anna.exchange().status_code == 401


def test_a_session_that_was_not_used_for_long_is_over(stack: LocalStack, anna: SignedIn) -> None:
    (session,) = anna.call("GET", "/auth/sessions").json()
    with stack.database.admin() as mongodb:
        mongodb["taskyard_auth"]["sessions"].update_one(
            {"_id": session["id"]}, [{"$set": {"expires_at": {"$subtract": ["$$NOW", 1000]}}}]
        )
    assert anna.exchange().status_code == 401


def test_a_session_ends_after_ninety_days_however_often_it_is_refreshed(
    stack: LocalStack, anna: SignedIn
) -> None:
    (session,) = anna.call("GET", "/auth/sessions").json()
    day = 24 * 3600
    with stack.database.admin() as mongodb:
        aged = {"created_at": {"$subtract": ["$created_at", 89 * day * 1000]}}
        mongodb["taskyard_auth"]["sessions"].update_one({"_id": session["id"]}, [{"$set": aged}])
    end = datetime.fromisoformat(session["created_at"]) + timedelta(days=1)
    for _ in range(2):
        anna.tokens = anna.exchange().json()
        assert day - 60 < anna.tokens["refresh_expires_in"] <= day
        (session,) = anna.call("GET", "/auth/sessions").json()
        assert datetime.fromisoformat(session["expires_at"]) == end


def test_the_task_service_may_not_change_revocations(stack: LocalStack) -> None:
    with MongoClient[dict[str, object]](stack.database.uri("tasks")) as limited:
        revocations = limited["taskyard_revocations"]["sessions"]
        revocations.find_one({})
        with pytest.raises(OperationFailure) as refused:
            revocations.delete_many({})
        assert refused.value.code == 13
