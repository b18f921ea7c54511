"""Issuing access tokens: RS256 through python-jose, each key object built once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jose import jwt

from app.common.keys import ALGORITHM, PrivateKey, PublicKey, read_private_key, read_public_keys


class SigningKeys:
    """The key that signs, and all that verify: its public half, and those of the next and the last key."""

    signing: PrivateKey
    verifying: Mapping[str, PublicKey]

    def __init__(self, private_key: Path, other_public_keys: Path | None) -> None:
        self.files = [file for file in (private_key, other_public_keys) if file]
        self._private_key = private_key
        self._others = other_public_keys
        self.read()

    def read(self) -> None:
        """Raises ValueError, and then everything stays as it was."""
        signing = read_private_key(self._private_key)
        others = read_public_keys(self._others) if self._others else {}
        self.signing, self.verifying = signing, {signing.public.kid: signing.public, **others}

    @property
    def jwks(self) -> dict[str, Any]:
        """The JWK set (RFC 7517)."""
        return {"keys": [key.jwk for key in self.verifying.values()]}


class TokenSigner:
    def __init__(self, key: Callable[[], PrivateKey], issuer: str, audience: str, ttl_seconds: int) -> None:
        """`key` tells which key signs now."""
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self.ttl_seconds = ttl_seconds

    def token(self, user_id: str, session_id: str, seconds: int | None = None) -> str:
        """Return an access token for `seconds`: `sub` is the user, `sid` the session that it belongs to."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "sid": session_id,
            "iat": now,
            "exp": now + (self.ttl_seconds if seconds is None else seconds),
            "jti": secrets.token_urlsafe(16),
        }
        key = self._key()
        return str(jwt.encode(claims, key.key, ALGORITHM, headers={"kid": key.public.kid}))
