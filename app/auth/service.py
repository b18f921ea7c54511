"""The rules of accounts and sessions: who may register, who may sign in, and for how long."""

from __future__ import annotations

from typing import Any

from app.auth.attempts import Attempts
from app.auth.models import (
    Account,
    AccountPatch,
    Client,
    RefreshToken,
    Registration,
    Session,
    SessionInfo,
    TokenPair,
    User,
    normalise_email,
)
from app.auth.passwords import Passwords
from app.auth.repository import EmailTakenError, UserRepository
from app.auth.sessions import SessionRepository
from app.auth.signing import TokenSigner
from app.common import mongo, transactions
from app.common.deletions import DeletionLog
from app.common.problems import ProblemError
from app.common.tokens import Identity, InvalidTokenError


class AuthService:
    def __init__(
        self,
        *,
        db: mongo.Database,
        users: UserRepository,
        sessions: SessionRepository,
        deletions: DeletionLog,
        passwords: Passwords,
        attempts: Attempts,
        signer: TokenSigner,
    ) -> None:
        self._db = db
        self._users = users
        self._sessions = sessions
        self._deletions = deletions
        self._passwords = passwords
        self._attempts = attempts
        self._signer = signer

    async def register(self, registration: Registration, client: Client) -> Account:
        await self._attempts.count(client.address)
        password_hash = await self._passwords.hash(registration.password.get_secret_value())
        try:
            user = await self._users.insert(registration.email, password_hash)
        except EmailTakenError:
            raise _email_taken() from None
        return user.account()

    async def login(self, email: str, password: str, client: Client) -> TokenPair:
        """Unknown address and wrong password: the same answer after the same work."""
        try:
            email = normalise_email(email)
        except ValueError:
            user = None
        else:
            user = await self._users.by_email(email)
        if not await self._is_right(user, email, password, client) or user is None:
            raise _wrong_password()
        changes: dict[str, Any] = {"signed_in_at": mongo.now()}
        if self._passwords.outdated(user.password_hash):
            changes["password_hash"] = await self._passwords.hash(password)

        async def work(transaction: transactions.Session) -> tuple[Session, RefreshToken]:
            # A password that was changed while this one was being verified opens nothing any more.
            if not await self._users.change(user, changes, transaction):
                raise _wrong_password()
            return await self._sessions.begin(user.id, client, transaction)

        return self._pair(*await transactions.run(self._db, work))

    async def refresh(self, given: str) -> TokenPair:
        token = RefreshToken.parse(given)
        rotated = await self._sessions.rotate(token) if token else None
        if rotated is None:
            raise ProblemError(
                401,
                "the refresh token is not valid, expired, or was used before; sign in again",
                {"WWW-Authenticate": "Bearer"},
            )
        return self._pair(*rotated)

    async def logout(self, identity: Identity) -> None:
        await self._current(identity)
        await self._sessions.end({"_id": identity.session_id, "user": identity.user_id})

    async def logout_all(self, identity: Identity) -> None:
        await self._current(identity)
        await self._sessions.end({"user": identity.user_id})

    async def sessions(self, identity: Identity) -> list[SessionInfo]:
        await self._current(identity)
        return [session.info(identity.session_id) for session in await self._sessions.of(identity.user_id)]

    async def end_session(self, identity: Identity, session_id: str) -> None:
        await self._current(identity)
        if not await self._sessions.end({"_id": session_id, "user": identity.user_id}):
            raise ProblemError(404, "there is no such session")

    async def account(self, identity: Identity) -> Account:
        return (await self._user(identity)).account()

    async def change(self, identity: Identity, patch: AccountPatch, client: Client) -> Account:
        """A new password ends every other session: who knew the old one may be in there."""
        user = await self._user(identity)
        if not await self._is_right(user, user.email, patch.current_password.get_secret_value(), client):
            raise ProblemError(403, "the current password is not right")
        changes: dict[str, Any] = {}
        if "email" in patch.model_fields_set:
            changes["email"] = patch.email
        if "password" in patch.model_fields_set:
            changes["password_hash"] = await self._passwords.hash(patch.password.get_secret_value())
            changes["password_set_at"] = mongo.now()

        async def work(transaction: transactions.Session) -> User | None:
            changed = await self._users.change(user, changes, transaction)
            if changed and "password_hash" in changes:
                others = {"user": user.id, "_id": {"$ne": identity.session_id}}
                await self._sessions.end(others, transaction)
            return changed

        try:
            changed = await transactions.run(self._db, work)
        except EmailTakenError:
            raise _email_taken() from None
        if changed is None:
            raise ProblemError(409, "the password was changed in the meantime; sign in again")
        return changed.account()

    async def delete(self, identity: Identity) -> None:
        """The account goes, its sessions end, its data elsewhere is put down for deletion: all or nothing."""
        user = await self._user(identity)

        async def work(transaction: transactions.Session) -> None:
            if not await self._users.delete(user.id, transaction):
                raise InvalidTokenError  # somebody was faster
            await self._sessions.end({"user": user.id}, transaction)
            await self._deletions.add(user.id, transaction)

        await transactions.run(self._db, work)

    async def _current(self, identity: Identity) -> Session:
        """Auth asks its database, so that an ended session is refused at once here."""
        session = await self._sessions.get(identity.user_id, identity.session_id)
        if session is None:
            raise InvalidTokenError
        return session

    async def _user(self, identity: Identity) -> User:
        await self._current(identity)
        user = await self._users.by_id(identity.user_id)
        if user is None:
            raise InvalidTokenError
        return user

    async def _is_right(self, user: User | None, email: str, password: str, client: Client) -> bool:
        await self._attempts.count(client.address, email)
        if not await self._passwords.verify(user.password_hash if user else None, password):
            return False
        await self._attempts.forget(email)
        return True

    def _pair(self, session: Session, refresh: RefreshToken) -> TokenPair:
        # When the session is over nobody can end it any more: no token of it may be good for longer.
        seconds_left = int((session.expires_at - mongo.now()).total_seconds())
        expires_in = min(self._signer.ttl_seconds, seconds_left)
        return TokenPair(
            access_token=self._signer.token(session.user_id, session.id, expires_in),
            expires_in=expires_in,
            refresh_token=str(refresh),
            refresh_expires_in=seconds_left,
        )


def _wrong_password() -> ProblemError:
    return ProblemError(401, "wrong e-mail address or password", {"WWW-Authenticate": "Bearer"})


def _email_taken() -> ProblemError:
    return ProblemError(409, "this e-mail address is already registered")
