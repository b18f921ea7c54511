"""RSA keys: reading them from PEM, and their ids. The RFC 7638 thumbprint is computed here alone.

`python -m app.common.keys FILE` prints the id of a private key.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jose import jwk
from jose.backends.base import Key

ALGORITHM = "RS256"
_MIN_BITS = 2048
_PUBLIC_PEM = re.compile(rb"-----BEGIN (RSA )?PUBLIC KEY-----.+?-----END (RSA )?PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies: `key` is built once, since parsing PEM for each token would cost tens of ms."""

    kid: str
    key: Key
    jwk: dict[str, str]


@dataclass(frozen=True, slots=True)
class PrivateKey:
    key: Key
    public: PublicKey


def read_private_key(path: Path) -> PrivateKey:
    """Read one PEM private key. Raises ValueError with a reason that is safe to print."""
    pem = _read(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(f"{path} is not an unencrypted PEM private key") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError(f"{path} is not an RSA key")  # noqa: TRY004 - pydantic turns ValueErrors into complaints
    public = _public_key(key.public_key(), path)
    return PrivateKey(key=jwk.construct(pem.decode(), ALGORITHM), public=public)


def read_public_keys(path: Path) -> dict[str, PublicKey]:
    """Read a bundle of PEM public keys, by key id. Raises ValueError with a reason that is safe to print."""
    pem = _read(path)
    if b"PRIVATE KEY" in pem:
        raise ValueError(f"{path} holds a private key: this service must not have one")
    if b"-----" in _PUBLIC_PEM.sub(b"", pem):
        raise ValueError(f"{path} holds what is no whole PEM public key")
    keys: dict[str, PublicKey] = {}
    for block in _PUBLIC_PEM.finditer(pem):
        try:
            key = load_pem_public_key(block.group())
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError(f"{path} holds a key that cannot be read") from None
        if not isinstance(key, RSAPublicKey):
            raise ValueError(f"{path} holds a key that is not RSA")  # noqa: TRY004 - as above
        public = _public_key(key, path)
        keys[public.kid] = public
    if not keys:
        raise ValueError(f"{path} holds no PEM public key")
    return keys


def thumbprint(n: str, e: str) -> str:
    """RFC 7638: SHA-256 of the required members, in order, without white space."""
    canonical = orjson.dumps({"e": e, "kty": "RSA", "n": n})
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def _public_key(key: RSAPublicKey, path: Path) -> PublicKey:
    if key.key_size < _MIN_BITS:
        raise ValueError(f"{path} holds an RSA key of {key.key_size} bits: at least {_MIN_BITS} are needed")
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    built = jwk.construct(pem.decode(), ALGORITHM)
    members: dict[str, Any] = built.to_dict()
    kid = thumbprint(members["n"], members["e"])
    document = {
        "kty": "RSA",
        "use": "sig",
        "alg": ALGORITHM,
        "kid": kid,
        "n": members["n"],
        "e": members["e"],
    }
    return PublicKey(kid=kid, key=built, jwk=document)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


if __name__ == "__main__":
    print(read_private_key(Path(sys.argv[1])).public.kid)  # noqa: T201 - what it was asked for
