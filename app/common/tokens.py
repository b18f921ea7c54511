"""Verifying access tokens: RS256 only, by keys built once, each valid token checked in full once.

Whether its session was ended is asked at every request, in memory (app/common/revocations.py).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Container, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt

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
    user_id: str
    session_id: str


class TokenVerifier:
    """Turns an access token into who it is for. Verified tokens are remembered until they expire."""

    def __init__(
        self, keys: Mapping[str, PublicKey], issuer: str, audience: str, ended: Container[str] = ()
    ) -> None:
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._ended = ended
        self._verified: OrderedDict[str, tuple[Identity, float]] = OrderedDict()

    def use(self, keys: Mapping[str, PublicKey]) -> None:
        """Exchange the keys. What they do not verify any more is not remembered either."""
        self.keys = keys
        self._verified.clear()

    def identity(self, token: str) -> Identity:
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token)
            self._verified[token] = known
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        identity, expires = known
        if time.time() >= expires:
            del self._verified[token]
            raise InvalidTokenError
        if identity.session_id in self._ended:
            raise InvalidTokenError
        return identity

    def _verify(self, token: str) -> tuple[Identity, float]:
        if len(token) > _MAX_LENGTH:
            raise InvalidTokenError
        try:
            kid = jwt.get_unverified_header(token).get("kid")
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
            identity = Identity(str(claims["sub"]), str(claims["sid"]))
            return identity, float(claims["exp"])
        except (JWTError, LookupError, ValueError, TypeError, RecursionError, OverflowError):
            raise InvalidTokenError from None


# The documentation page's Authorize button asks the auth service, through the gateway.
_bearer = OAuth2PasswordBearer(tokenUrl="/auth/login", auto_error=False)


async def current_identity(request: Request, token: Annotated[str | None, Depends(_bearer)]) -> Identity:
    if not token:
        raise InvalidTokenError
    verifier: TokenVerifier = request.app.state.verifier
    return verifier.identity(token)


CurrentIdentity = Annotated[Identity, Depends(current_identity)]


async def current_user_id(identity: CurrentIdentity) -> str:
    return identity.user_id


CurrentUserId = Annotated[str, Depends(current_user_id)]
