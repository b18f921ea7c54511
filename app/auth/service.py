"""The rules of accounts: who may register, who may sign in."""

from __future__ import annotations

from app.auth.models import AccessToken, Account, Registration, normalise_email
from app.auth.passwords import Passwords
from app.auth.repository import EmailTakenError, UserRepository
from app.auth.signing import TokenSigner
from app.common.problems import ProblemError
from app.common.tokens import InvalidTokenError


class AuthService:
    def __init__(self, users: UserRepository, passwords: Passwords, signer: TokenSigner) -> None:
        self._users = users
        self._passwords = passwords
        self._signer = signer

    async def register(self, registration: Registration) -> Account:
        password_hash = await self._passwords.hash(registration.password.get_secret_value())
        try:
            user = await self._users.insert(registration.email, password_hash)
        except EmailTakenError:
            raise ProblemError(409, "this e-mail address is already registered") from None
        return user.account()

    async def login(self, email: str, password: str) -> AccessToken:
        """Unknown address and wrong password: the same answer after the same work."""
        try:
            user = await self._users.by_email(normalise_email(email))
        except ValueError:
            user = None
        matches = await self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not matches:
            raise ProblemError(401, "wrong e-mail address or password", {"WWW-Authenticate": "Bearer"})
        if self._passwords.outdated(user.password_hash):
            await self._users.replace_hash(user, await self._passwords.hash(password))
        return AccessToken(access_token=self._signer.token(user.id), expires_in=self._signer.ttl_seconds)

    async def account(self, user_id: str) -> Account:
        user = await self._users.by_id(user_id)
        if user is None:
            raise InvalidTokenError
        return user.account()
