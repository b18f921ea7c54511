"""Access tokens that are right in everything but one thing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwt

from app.common.keys import PrivateKey

TRICKS = [
    "alg none",
    "HS256 with the public key",
    "another algorithm's name",
    "a changed claim",
    "another key under our key id",
    "an unknown key id",
    "no key id",
    "a key id that is no text",
    "expired",
    "wrong aud",
    "wrong iss",
    *(f"without {claim}" for claim in ("aud", "iss", "exp", "iat", "sub", "jti", "sid")),
]


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def foreign_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def forge(private: PrivateKey, public_pem: bytes, how: str, user: str) -> str:  # noqa: C901 - a table of tricks
    """Return a token that is right in everything but one thing."""
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
        mac = hmac.new(public_pem, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    if how == "another algorithm's name":
        signed = f"{segment({'alg': 'RS512', 'typ': 'JWT', **headers})}.{segment(claims)}"
        return f"{signed}.{base64.urlsafe_b64encode(key.sign(signed.encode())).rstrip(b'=').decode()}"
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
