from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from argon2 import PasswordHasher

from tests.api.people import Person
from tools.local_stack import LocalStack

PASSWORD = "correct horse battery staple"


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


def register(gateway: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return gateway.post("/auth/register", json={"email": email, "password": password})


def login(gateway: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return gateway.post("/auth/login", data={"username": email, "password": password})


def test_registering_signing_in_and_asking_who_i_am_tell_the_same_person(gateway: httpx.Client) -> None:
    email = new_email()
    registered = register(gateway, email)
    assert registered.status_code == 201
    assert registered.json().keys() == {"id", "email", "created_at"}
    answer = login(gateway, email)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json()
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == 900
    me = gateway.get("/auth/me", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert me.json() == registered.json()
    tasks = gateway.get("/tasks", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert tasks.json() == []


def test_an_address_is_the_same_in_capitals(gateway: httpx.Client) -> None:
    email = new_email()
    assert register(gateway, email.upper()).json()["email"] == email
    assert register(gateway, email).status_code == 409
    assert login(gateway, email.title()).status_code == 200


def test_of_many_who_register_one_address_at_once_one_succeeds(gateway: httpx.Client) -> None:
    email = new_email()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: register(gateway, email).status_code, range(6)))
    assert sorted(answers) == [201, 409, 409, 409, 409, 409]


def test_a_wrong_password_and_an_unknown_address_look_the_same(gateway: httpx.Client) -> None:
    email = new_email()
    register(gateway, email)
    wrong, unknown, impossible = (
        login(gateway, email, "wrong password"),
        login(gateway, new_email()),
        login(gateway, "no address at all"),
    )
    for answer in (wrong, unknown, impossible):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json()["detail"] == wrong.json()["detail"]


def test_a_password_is_kept_as_argon2id_with_the_recommended_cost(
    stack: LocalStack, gateway: httpx.Client
) -> None:
    email = new_email()
    register(gateway, email)
    with stack.database.admin() as mongodb:
        user = mongodb["taskyard_auth"]["users"].find_one({"email": email})
    assert user is not None
    assert user["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in str(user)


def test_a_weaker_hash_is_replaced_at_the_next_sign_in(stack: LocalStack, gateway: httpx.Client) -> None:
    email = new_email()
    register(gateway, email)
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with stack.database.admin() as mongodb:
        users = mongodb["taskyard_auth"]["users"]
        users.update_one({"email": email}, {"$set": {"password_hash": weak}})
        assert login(gateway, email, "wrong password").status_code == 401
        assert users.distinct("password_hash", {"email": email}) == [weak]
        assert login(gateway, email).status_code == 200
        (stored,) = users.distinct("password_hash", {"email": email})
        assert stored.startswith("$argon2id$v=19$m=19456,")
    assert login(gateway, email).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"email": "x@example.com", "password": "short"},
        {"email": "x@example.com", "password": "x" * 129},
        {"email": "x@example.com", "password": 12345678},
        {"email": "x@example.com", "password": None},
        {"email": "x@example.com"},
        {"email": "not an address", "password": PASSWORD},
        {"email": "x\x00@example.com", "password": PASSWORD},
        {"email": "x" * 300 + "@example.com", "password": PASSWORD},
        {"email": "x@example.com", "password": PASSWORD, "admin": True},
        [],
        "x",
        None,
    ],
)
def test_a_bad_registration_is_refused_and_never_repeated(gateway: httpx.Client, body: object) -> None:
    answer = gateway.post("/auth/register", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"", "application/x-www-form-urlencoded", 422),
        (b"username=a", "application/x-www-form-urlencoded", 422),
        (b"username=a&password=b&grant_type=magic", "application/x-www-form-urlencoded", 422),
        (b"username=%ff%fe&password=%00%ff", "application/x-www-form-urlencoded", 401),
        (b"username=a&password=" + b"x" * 500_000, "application/x-www-form-urlencoded", 401),
        (b"username=a&password=b&" * 2000, "application/x-www-form-urlencoded", 400),
        (b'{"username": "a", "password": "b"}', "application/json", 415),
        (b"nonsense", "multipart/form-data", 415),
        (b"nonsense", "multipart/form-data; boundary=x", 415),
    ],
)
def test_an_odd_sign_in_form_gets_a_clear_answer(
    gateway: httpx.Client, content: bytes, content_type: str, status: int
) -> None:
    answer = gateway.post("/auth/login", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_token_of_a_deleted_account_is_worth_nothing_to_auth(anna: Person) -> None:
    assert anna.gateway.get("/auth/me").status_code == 401


def test_the_public_key_set_names_its_key_and_nothing_private(gateway: httpx.Client) -> None:
    answer = gateway.get("/auth/.well-known/jwks.json")
    assert answer.status_code == 200
    assert "max-age" in answer.headers["Cache-Control"]
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}
