"""Issuing access tokens: RS256 through python-jose, the key object built once."""

import secrets
import time
from typing import Any

from jose import jwt

from app.common.keys import ALGORITHM, PrivateKey


class TokenSigner:
    def __init__(self, key: PrivateKey, issuer: str, audience: str, ttl_seconds: int) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self.ttl_seconds = ttl_seconds

    def token(self, user_id: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "iat": now,
            "exp": now + self.ttl_seconds,
            "jti": secrets.token_urlsafe(16),
        }
        return str(jwt.encode(claims, self._key.key, ALGORITHM, headers={"kid": self._key.public.kid}))
