"""Tokens that somebody might try instead of a real one. The same for both services."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwt

from app.common.keys import read_private_key
from tests.api.people import Person
from tools.local_stack import LocalStack


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def foreign_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def forge(stack: LocalStack, how: str, user: str) -> str:  # noqa: C901 - a table of tricks
    """Return a token that is right in everything but one thing."""
    private = read_private_key(stack.private_key)
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "taskyard", "aud": "taskyard", "sub": user, "sid": "x",
        "iat": now, "exp": now + 900, "jti": "x",
    }  # fmt: skip
    headers = {"kid": private.public.kid}
    key: Any = private.key
    if how == "alg none":
        return f"{segment({'alg': 'none', 'typ': 'JWT', **headers})}.{segment(claims)}."
    if how == "HS256 with the public key":
        signed = f"{segment({'alg': 'HS256', 'typ': 'JWT', **headers})}.{segment(claims)}"
        mac = hmac.new(stack.public_keys.read_bytes(), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    if how == "a changed claim":
        head, _, signature = jwt.encode(claims, key, "RS256", headers=headers).split(".")
        return f"{head}.{segment({**claims, 'sub': 'somebody else'})}.{signature}"
    if how == "another key under our key id":
        key = foreign_key()
    elif how == "an unknown key id":
        headers["kid"] = "unknown"
    elif how == "no key id":
        headers = {}
    elif how == "a key id that is no text":
        return f"{segment({'alg': 'RS256', 'kid': [1]})}.{segment(claims)}.AAAA"
    elif how == "expired":
        claims["exp"] = now - 60
    elif how.startswith("without "):
        del claims[how.removeprefix("without ")]
    elif how.startswith("wrong "):
        claims[how.removeprefix("wrong ")] = "other"
    return str(jwt.encode(claims, key, "RS256", headers=headers))


@pytest.mark.parametrize("path", ["/tasks", "/auth/me"])
@pytest.mark.parametrize(
    "how",
    [
        "alg none",
        "HS256 with the public key",
        "a changed claim",
        "another key under our key id",
        "an unknown key id",
        "no key id",
        "a key id that is no text",
        "expired",
        "wrong aud",
        "wrong iss",
        *(f"without {claim}" for claim in ("aud", "iss", "exp", "iat", "sub", "jti", "sid")),
    ],
)
def test_a_forged_token_is_refused(stack: LocalStack, anna: Person, how: str, path: str) -> None:
    token = forge(stack, how, anna.id)
    answer = anna.gateway.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_forger_could_have_made_a_good_one(stack: LocalStack, anna: Person) -> None:
    token = forge(stack, "nothing", anna.id)
    assert anna.gateway.get("/tasks", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer a.b.c", "Bearer " + "x" * 6000])
def test_a_missing_or_broken_token_is_refused(anna: Person, header: str | None) -> None:
    anna.gateway.headers.pop("Authorization")
    answer = anna.gateway.get("/tasks", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
