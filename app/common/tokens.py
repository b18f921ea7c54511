"""Verifying access tokens: RS256 only, by keys built once, each valid token checked in full once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any

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


class TokenVerifier:
    """Turns an access token into the id of its user. Verified tokens are remembered until they expire."""

    def __init__(self, keys: Mapping[str, PublicKey], issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def user_id(self, token: str) -> str:
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token)
            self._verified[token] = known
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        user_id, expires = known
        if time.time() >= expires:
            del self._verified[token]
            raise InvalidTokenError
        return user_id

    def _verify(self, token: str) -> tuple[str, float]:
        if len(token) > _MAX_LENGTH:
            raise InvalidTokenError
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.get(kid) if isinstance(kid, str) else None
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
            return str(claims["sub"]), float(claims["exp"])
        except (JWTError, ValueError, TypeError, RecursionError, OverflowError):
            raise InvalidTokenError from None


# The documentation page's Authorize button asks the auth service, through the gateway.
_bearer = OAuth2PasswordBearer(tokenUrl="/auth/login", auto_error=False)


async def current_user_id(request: Request, token: Annotated[str | None, Depends(_bearer)]) -> str:
    if not token:
        raise InvalidTokenError
    verifier: TokenVerifier = request.app.state.verifier
    return verifier.user_id(token)


CurrentUserId = Annotated[str, Depends(current_user_id)]
