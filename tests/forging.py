"""Access tokens that are right in everything but one thing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk, jwt

from app.common.keys import PrivateKey

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _spare_bits(token: str) -> str:
    """The last character of 256 bytes carries two bits: the other four are nobody's."""
    return token[:-1] + _ALPHABET[_ALPHABET.index(token[-1]) | 1]


def _other_alphabet(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{signature.translate(str.maketrans('-_', '+/'))}"


# One and the same token, written in another way.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "spare bits set in the signature": _spare_bits,
    "padding behind the signature": lambda token: token + "==",
    "spaces within the signature": lambda token: token[:-8] + 4 * " " + token[-8:],
    "signs of no alphabet within the signature": lambda token: token[:-8] + "!~!~" + token[-8:],
    "the other base64 alphabet": _other_alphabet,
    "a fourth part": lambda token: token + ".",
    "a point within the payload": lambda token: token.replace(".", "..", 1),
}
NONE = ("none", "None", "NONE", "nOnE", "")
# What a header may ask for beside `alg` and `kid`. The last two are signed by ourselves.
HEADERS: dict[str, dict[str, Any]] = {
    "a key set of the forger's (jku)": {"jku": "http://127.0.0.1:1/jwks.json"},
    "a certificate of the forger's (x5u)": {"x5u": "http://127.0.0.1:1/certificate.pem"},
    "a certificate within (x5c)": {"x5c": ["MIIB"]},
    "a critical extension": {"crit": ["exp"], "exp": 0},
    "a payload that is not encoded (b64)": {"crit": ["b64"], "b64": False},
}
TRICKS = [
    *(f"alg {name!r}" for name in NONE),
    "alg none with our signature",
    "an empty signature",
    "HS256 with the public key",
    "another algorithm's name",
    "a changed claim",
    "another key under our key id",
    "the forger's key within (jwk)",
    "an unknown key id",
    "a key id that is a path",
    "no key id",
    "a key id that is no text",
    "expired",
    "not yet valid",
    "wrong aud",
    "wrong iss",
    "a name twice in the header",
    "a name twice in the claims",
    "a header that is a list",
    *HEADERS,
    *SPELLINGS,
    *(f"without {claim}" for claim in ("aud", "iss", "exp", "iat", "sub", "jti", "sid")),
]


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def segment(value: Any) -> str:
    return encoded(json.dumps(value).encode())


def signed(key: Any, header: str, claims: str) -> str:
    return f"{header}.{claims}.{encoded(key.sign(f'{header}.{claims}'.encode()))}"


@cache
def foreign_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def forge(private: PrivateKey, public_pem: bytes, how: str, user: str) -> str:  # noqa: C901, PLR0911, PLR0912 - a table of tricks
    """Return a token that is right in everything but one thing."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": "taskyard", "aud": "taskyard", "sub": user, "sid": "x",
        "iat": now, "exp": now + 900, "jti": "x",
    }  # fmt: skip
    headers: dict[str, Any] = {"kid": private.public.kid}
    key: Any = private.key
    good = str(jwt.encode(claims, key, "RS256", headers=headers))
    head, payload, signature = good.split(".")
    if how in SPELLINGS:
        return SPELLINGS[how](good)
    if how in HEADERS:
        foreign = "forger" in how or "within" in how
        header = {"alg": "RS256", **headers, **HEADERS[how]}
        return signed(jwk.construct(foreign_key(), "RS256") if foreign else key, segment(header), payload)
    for name in NONE:
        if how == f"alg {name!r}":
            return f"{segment({'alg': name, 'typ': 'JWT', **headers})}.{payload}."
    if how == "alg none with our signature":
        return signed(key, segment({"alg": "none", **headers}), payload)
    if how == "an empty signature":
        return f"{head}.{payload}."
    if how == "HS256 with the public key":
        text = f"{segment({'alg': 'HS256', 'typ': 'JWT', **headers})}.{payload}"
        return f"{text}.{encoded(hmac.new(public_pem, text.encode(), hashlib.sha256).digest())}"
    if how == "another algorithm's name":
        return signed(key, segment({"alg": "RS512", "typ": "JWT", **headers}), payload)
    if how == "a changed claim":
        return f"{head}.{segment({**claims, 'sub': 'somebody else'})}.{signature}"
    if how == "the forger's key within (jwk)":
        foreign_pem = foreign_key()
        members = jwk.construct(foreign_pem, "RS256").public_key().to_dict()
        header = {"alg": "RS256", "jwk": members, **headers}
        return signed(jwk.construct(foreign_pem, "RS256"), segment(header), payload)
    if how == "a name twice in the header":
        twice = f'{{"alg":"none","alg":"RS256","kid":"{private.public.kid}"}}'
        return signed(key, encoded(twice.encode()), payload)
    if how == "a name twice in the claims":
        twice = json.dumps(claims)[:-1] + ', "sub": "somebody else"}'
        return signed(key, head, encoded(twice.encode()))
    if how == "a header that is a list":
        return signed(key, segment(["alg", "RS256"]), payload)
    if how == "another key under our key id":
        key = foreign_key()
    elif how == "an unknown key id":
        headers["kid"] = "unknown"
    elif how == "a key id that is a path":
        headers["kid"] = "../../../../dev/null"
    elif how == "no key id":
        headers = {}
    elif how == "a key id that is no text":
        return f"{segment({'alg': 'RS256', 'kid': [1]})}.{payload}.AAAA"
    elif how == "expired":
        claims["exp"] = now - 60
    elif how == "not yet valid":
        claims["nbf"] = now + 600
    elif how.startswith("without "):
        del claims[how.removeprefix("without ")]
    elif how.startswith("wrong "):
        claims[how.removeprefix("wrong ")] = "other"
    return str(jwt.encode(claims, key, "RS256", headers=headers))
