from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI

from app import docs
from app.auth import attempts
from app.auth.passwords import Passwords
from app.auth.repository import UserRepository
from app.auth.routes import router
from app.auth.service import AuthService
from app.auth.sessions import SessionRepository
from app.auth.settings import AuthSettings
from app.auth.signing import SigningKeys, TokenSigner
from app.common import application, files, mongo, settings
from app.common.application import Service
from app.common.deletions import DeletionLog
from app.common.poller import polling
from app.common.revocations import RevocationLog
from app.common.tokens import TokenVerifier


def create_app(given: AuthSettings | None = None) -> Service:
    chosen = given or settings.load(AuthSettings)
    return application.build(
        "Taskyard auth", chosen, [router, docs.router], [partial(resources, chosen)], prefix="/auth"
    )


@asynccontextmanager
async def resources(chosen: AuthSettings, app: FastAPI) -> AsyncIterator[None]:
    """Open what the auth routes need, and put it on the application's state."""
    keys = SigningKeys(chosen.auth_private_key_file, chosen.auth_other_public_keys_file)
    verifier = TokenVerifier({}, chosen.jwt_issuer, chosen.jwt_audience)

    def read_keys() -> None:
        keys.read()
        verifier.use(keys.verifying)

    reread = files.Reread(keys.files, read_keys)
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(mongo.database(chosen.auth_mongodb_uri))
        revocations = RevocationLog(db, chosen.auth_token_ttl_seconds)
        users = UserRepository(db)
        sessions = SessionRepository(db, revocations, chosen.auth_session_idle_seconds)

        async def prepare() -> None:
            for repository in (users, sessions, revocations):
                await repository.prepare()

        await mongo.wait_until_ready(prepare, chosen.startup_timeout_seconds)
        limits = await stack.enter_async_context(
            attempts.connected(
                chosen.auth_redis_url, chosen.auth_attempts_per_account, chosen.auth_attempts_per_address
            )
        )
        app.state.auth = AuthService(
            db=db,
            users=users,
            sessions=sessions,
            deletions=DeletionLog(db, chosen.auth_token_ttl_seconds),
            passwords=stack.enter_context(Passwords()),
            attempts=limits,
            signer=TokenSigner(
                lambda: keys.signing, chosen.jwt_issuer, chosen.jwt_audience, chosen.auth_token_ttl_seconds
            ),
        )
        app.state.keyring = keys
        app.state.verifier = verifier
        app.state.health.add("mongodb", users.ping, required=True)
        app.state.health.add("redis", limits.ping, required=False)
        app.state.health.tell("signing_key", lambda: keys.signing.public.kid)
        app.state.health.tell("keys", lambda: sorted(keys.verifying))
        await stack.enter_async_context(polling("keys", reread.look, files.LOOK_EVERY_SECONDS))
        yield
