from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from app import docs
from app.auth.passwords import Passwords
from app.auth.repository import UserRepository
from app.auth.routes import router
from app.auth.service import AuthService
from app.auth.settings import AuthSettings
from app.auth.signing import TokenSigner
from app.common import application, mongo, settings
from app.common.keys import read_private_key
from app.common.tokens import TokenVerifier


def create_app(given: AuthSettings | None = None) -> FastAPI:
    chosen = given or settings.load(AuthSettings)
    return application.build(
        "Taskyard auth", chosen, [router, docs.router], [partial(resources, chosen)], "/auth"
    )


@asynccontextmanager
async def resources(chosen: AuthSettings, app: FastAPI) -> AsyncIterator[None]:
    """Open what the auth routes need, and put it on the application's state."""
    key = read_private_key(chosen.auth_private_key_file)
    async with mongo.database(chosen.auth_mongodb_uri) as db:
        users = UserRepository(db)
        await mongo.wait_until_ready(users.prepare, chosen.startup_timeout_seconds)
        with Passwords() as passwords:
            signer = TokenSigner(key, chosen.jwt_issuer, chosen.jwt_audience, chosen.auth_token_ttl_seconds)
            app.state.auth = AuthService(users, passwords, signer)
            app.state.jwks = {"keys": [key.public.jwk]}
            app.state.verifier = TokenVerifier(
                {key.public.kid: key.public}, chosen.jwt_issuer, chosen.jwt_audience
            )
            app.state.health.add("mongodb", users.ping, required=True)
            yield
