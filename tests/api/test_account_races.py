"""An account that changes, or goes, while somebody is signing in to it: constructed, in one process."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.auth.models import AccountPatch, Client, Registration, TokenPair, User
from app.auth.passwords import Passwords
from app.auth.repository import UserRepository
from app.auth.service import AuthService
from app.auth.sessions import SessionRepository
from app.common import mongo
from app.common.deletions import DeletionLog
from app.common.problems import ProblemError
from app.common.revocations import RevocationLog
from app.common.tokens import Identity, InvalidTokenError
from tests.api.accounts import PASSWORD, new_email
from tools.local_mongod import Mongod

pytestmark = pytest.mark.anyio
NEW = "another good long password"
SOMEWHERE = Client("203.0.113.7", "test")


class Outdated(Passwords):
    """Every hash could be stronger."""

    def outdated(self, password_hash: str) -> bool:
        return True


class Held(Outdated):
    """Passwords are verified, and then the answer is held back."""

    def __init__(self) -> None:
        super().__init__()
        self.verified, self.go_on = asyncio.Event(), asyncio.Event()

    async def verify(self, password_hash: str | None, password: str) -> bool:
        right = await super().verify(password_hash, password)
        self.verified.set()
        await self.go_on.wait()
        return right


class Uncounted:
    async def count(self, *_: str) -> None: ...

    async def forget(self, *_: str) -> None: ...


class Signer:
    """A token that says who has which session."""

    ttl_seconds = 900

    def token(self, user_id: str, session_id: str, _seconds: int) -> str:
        return f"{user_id} {session_id}"


class Meeting(UserRepository):
    """Two requests find the user at the same time."""

    def __init__(self, db: mongo.Database) -> None:
        super().__init__(db)
        self._both = asyncio.Barrier(2)

    async def by_id(self, user_id: str) -> User | None:
        found = await super().by_id(user_id)
        await self._both.wait()
        return found


def service(
    db: mongo.Database, passwords: Passwords | None = None, users: UserRepository | None = None
) -> AuthService:
    untested: Any = Uncounted()
    signer: Any = Signer()
    return AuthService(
        db=db,
        users=users or UserRepository(db),
        sessions=SessionRepository(db, RevocationLog(db, 900), 3600),
        deletions=DeletionLog(db, 900),
        passwords=passwords or Passwords(),
        attempts=untested,
        signer=signer,
    )


def identity(tokens: TokenPair) -> Identity:
    user, session = tokens.access_token.split()
    return Identity(user, session, math.inf)


@pytest.fixture
async def db(mongodb: Mongod) -> AsyncIterator[mongo.Database]:
    async with mongo.database(SecretStr(mongodb.uri("auth"))) as opened:
        await UserRepository(opened).prepare()
        yield opened


@pytest.fixture
async def anna(db: mongo.Database) -> TokenPair:
    email = new_email()
    await service(db).register(Registration(email=email, password=SecretStr(PASSWORD)), SOMEWHERE)
    return await service(db).login(email, PASSWORD, SOMEWHERE)


async def email_of(db: mongo.Database, tokens: TokenPair) -> str:
    return (await service(db).account(identity(tokens))).email


async def test_a_sign_in_under_way_when_the_password_changes_opens_nothing(
    db: mongo.Database, anna: TokenPair
) -> None:
    held = Held()
    late = asyncio.create_task(service(db, held).login(await email_of(db, anna), PASSWORD, SOMEWHERE))
    await held.verified.wait()
    patch = AccountPatch(password=SecretStr(NEW), current_password=SecretStr(PASSWORD))
    await service(db).change(identity(anna), patch, SOMEWHERE)
    held.go_on.set()
    with pytest.raises(ProblemError, match="wrong e-mail address or password"):
        await late
    assert [session.current for session in await service(db).sessions(identity(anna))] == [True]


async def test_a_sign_in_under_way_when_the_account_goes_opens_nothing(
    db: mongo.Database, anna: TokenPair
) -> None:
    held = Held()
    late = asyncio.create_task(service(db, held).login(await email_of(db, anna), PASSWORD, SOMEWHERE))
    await held.verified.wait()
    await service(db).delete(identity(anna))
    held.go_on.set()
    with pytest.raises(ProblemError, match="wrong e-mail address or password"):
        await late
    assert await db["sessions"].count_documents({"user": identity(anna).user_id}) == 0


async def test_two_sign_ins_that_both_store_a_stronger_hash_both_succeed(
    db: mongo.Database, anna: TokenPair
) -> None:
    email = await email_of(db, anna)
    held = Held()
    late = asyncio.create_task(service(db, held).login(email, PASSWORD, SOMEWHERE))
    await held.verified.wait()
    await service(db, Outdated()).login(email, PASSWORD, SOMEWHERE)
    held.go_on.set()
    await late
    assert len(await service(db).sessions(identity(anna))) == 3


async def test_of_two_deletions_at_once_one_finds_nobody(db: mongo.Database, anna: TokenPair) -> None:
    both = service(db, users=Meeting(db))
    done = await asyncio.gather(*(both.delete(identity(anna)) for _ in range(2)), return_exceptions=True)
    assert [type(each) for each in done if each is not None] == [InvalidTokenError]


async def test_whoever_signs_in_many_times_at_once_has_as_many_sessions(
    db: mongo.Database, anna: TokenPair
) -> None:
    email = await email_of(db, anna)
    signing_in = service(db)
    await asyncio.gather(*(signing_in.login(email, PASSWORD, SOMEWHERE) for _ in range(12)))
    assert len(await signing_in.sessions(identity(anna))) == 13


async def test_no_token_outlives_its_session(db: mongo.Database, anna: TokenPair) -> None:
    session = {"_id": identity(anna).session_id}
    long_ago = mongo.now() - timedelta(days=90) + timedelta(minutes=1)
    await db["sessions"].update_one(session, {"$set": {"created_at": long_ago}})
    renewed = await service(db).refresh(anna.refresh_token)
    assert renewed.expires_in == renewed.refresh_expires_in
    assert 0 < renewed.expires_in <= 60
    await db["sessions"].update_one(session, {"$set": {"expires_at": mongo.now()}})
    with pytest.raises(InvalidTokenError):
        await service(db).sessions(identity(anna))
