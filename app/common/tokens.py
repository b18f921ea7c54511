"""Verifying access tokens: RS256 only, by keys built once, each valid token checked in full once.

Whether its session was ended is asked at every request, in memory (app/common/revocations.py).
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Container, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from starlette.exceptions import HTTPException

from app.common import strict_json
from app.common.keys import ALGORITHM, PublicKey
from app.common.problems import ProblemError

_REQUIRED = {f"require_{claim}": True for claim in ("aud", "iss", "exp", "iat", "sub", "jti")}
_REMEMBERED = 10_000
_MAX_LENGTH = 4096


class InvalidTokenError(ProblemError):
    """401 as RFC 6750 asks. Every reason looks the same: the difference would help only a forger."""

    def __init__(self) -> None:
        super().__init__(
            401,
            "the access token is missing, expired or not valid here",
            {"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )


class Identity(NamedTuple):
    """Whose token it is, and until when (seconds since 1970)."""

    user_id: str
    session_id: str
    expires: float


class TokenVerifier:
    """Turns an access token into who it is for. Verified tokens are remembered until they expire.

    What is remembered is their digest: it is a small part of it, and nobody can sign in with it.
    """

    def __init__(
        self, keys: Mapping[str, PublicKey], issuer: str, audience: str, ended: Container[str] = ()
    ) -> None:
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._ended = ended
        self._verified: dict[bytes, Identity] = {}

    def use(self, keys: Mapping[str, PublicKey]) -> None:
        """Exchange the keys. What they do not verify any more is not remembered either."""
        self.keys = keys
        self._verified.clear()

    def identity(self, token: bytes) -> Identity:
        """Return who a token is for. Raises an InvalidTokenError."""
        digest = hashlib.sha256(token).digest()
        known = self._verified.get(digest)
        if known is None:
            known = self._verify(token)
            self._verified[digest] = known
            if len(self._verified) > _REMEMBERED:
                del self._verified[next(iter(self._verified))]  # who has been there longest
        if time.time() >= known.expires:
            del self._verified[digest]
            raise InvalidTokenError
        if known.session_id in self._ended:
            raise InvalidTokenError
        return known

    def _verify(self, given: bytes) -> Identity:
        if len(given) > _MAX_LENGTH:
            raise InvalidTokenError
        try:
            token = given.decode()
            header, said, _ = map(_decoded, token.split("."))
            kid = _key_id(header)
            key = self.keys.get(kid) if isinstance(kid, str) else None
            if key is None:
                raise InvalidTokenError
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options=_REQUIRED,
            )
            strict_json.parse(said)
            return Identity(str(claims["sub"]), str(claims["sid"]), float(claims["exp"]))
        except (JWTError, HTTPException, LookupError, ValueError, TypeError, RecursionError, OverflowError):
            raise InvalidTokenError from None


def _decoded(segment: str) -> bytes:
    """Decode one of a token's three parts. Raises ValueError unless it is spelt as RFC 7515, 2 has it.

    The library reads past padding, white space and spare bits: one signature would have many spellings, each
    a token of its own for whatever remembers, counts or blocks tokens.
    """
    content = base64.urlsafe_b64decode(segment + "==")
    if base64.urlsafe_b64encode(content).rstrip(b"=") != segment.encode():
        raise ValueError
    return content


def _key_id(header: bytes) -> Any:
    """Return `kid`. Raises ValueError or HTTPException for a header that asks for more than we understand."""
    members = strict_json.parse(header)
    if not isinstance(members, dict) or "crit" in members:  # RFC 7515, 4.1.11: refuse, never overlook
        raise ValueError
    return members.get("kid")


# The documentation page's Authorize button asks the auth service, through the gateway.
_bearer = OAuth2PasswordBearer(tokenUrl="/auth/login", auto_error=False)


async def current_identity(request: Request, token: Annotated[str | None, Depends(_bearer)]) -> Identity:
    # Of two such headers another reader on the way may have believed the other one.
    if not token or sum(name == b"authorization" for name, _ in request.scope["headers"]) > 1:
        raise InvalidTokenError
    verifier: TokenVerifier = request.app.state.verifier
    return verifier.identity(token.encode("latin-1"))  # as it came


CurrentIdentity = Annotated[Identity, Depends(current_identity)]


async def current_user_id(identity: CurrentIdentity) -> str:
    return identity.user_id


CurrentUserId = Annotated[str, Depends(current_user_id)]
