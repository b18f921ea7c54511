from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request, Response
from starlette.responses import JSONResponse

from app.auth import described
from app.auth.models import (
    EXAMPLE_SESSION,
    Account,
    AccountPatch,
    Client,
    KeySet,
    Login,
    Refresh,
    Registration,
    SessionInfo,
    TokenPair,
)
from app.auth.service import AuthService
from app.common.strict_json import StrictRoute
from app.common.tokens import CurrentIdentity

router = APIRouter(prefix="/auth", tags=["auth"], route_class=StrictRoute)
_MAX_USER_AGENT = 200


async def _service(request: Request) -> AuthService:
    service: AuthService = request.app.state.auth
    return service


async def _client(request: Request) -> Client:
    agent = "".join(letter for letter in request.headers.get("user-agent", "") if letter.isprintable())
    return Client(request.client.host if request.client else "", agent[:_MAX_USER_AGENT])


async def _no_store(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


async def _private(response: Response) -> None:
    response.headers["Cache-Control"] = "private, no-cache"


AuthServiceDep = Annotated[AuthService, Depends(_service)]
ClientDep = Annotated[Client, Depends(_client)]
SessionId = Annotated[str, Path(examples=[EXAMPLE_SESSION])]


@router.post("/register", status_code=201, responses=described.REGISTER)
async def register(registration: Registration, service: AuthServiceDep, client: ClientDep) -> Account:
    """Make an account. The address is kept in lower case."""
    return await service.register(registration, client)


@router.post("/login", responses=described.LOGIN, dependencies=[Depends(_no_store)])
async def login(form: Annotated[Login, Form()], service: AuthServiceDep, client: ClientDep) -> TokenPair:
    """Exchange an e-mail address (`username`) and a password for tokens (RFC 6749, 4.3): a session."""
    return await service.login(form.username, form.password.get_secret_value(), client)


@router.post("/refresh", responses=described.REFRESH, dependencies=[Depends(_no_store)])
async def refresh(given: Refresh, service: AuthServiceDep) -> TokenPair:
    """Exchange a refresh token for new tokens (RFC 6749, 6).

    Each refresh token is good for one use. Using one again ends the session: either it was stolen, or the
    client asked twice at once, which it should not do.
    """
    return await service.refresh(given.refresh_token.get_secret_value())


@router.post("/logout", status_code=204, responses=described.SIGNED_OUT)
async def logout(identity: CurrentIdentity, service: AuthServiceDep) -> None:
    """End this session. Every task instance refuses its access token within a second."""
    await service.logout(identity)


@router.post("/logout-all", status_code=204, responses=described.SIGNED_OUT)
async def logout_all(identity: CurrentIdentity, service: AuthServiceDep) -> None:
    """End all sessions of the account, this one included."""
    await service.logout_all(identity)


@router.get("/sessions", responses=described.READ, dependencies=[Depends(_private)])
async def list_sessions(identity: CurrentIdentity, service: AuthServiceDep) -> list[SessionInfo]:
    """Where the account is signed in: at most 50 sessions, the one used last first."""
    return await service.sessions(identity)


@router.delete("/sessions/{session_id}", status_code=204, responses=described.END_SESSION)
async def end_session(session_id: SessionId, identity: CurrentIdentity, service: AuthServiceDep) -> None:
    """End one session of the account."""
    await service.end_session(identity, session_id)


@router.get("/me", responses=described.READ, dependencies=[Depends(_private)])
async def me(identity: CurrentIdentity, service: AuthServiceDep) -> Account:
    """Whose token is this?"""
    return await service.account(identity)


@router.patch("/me", responses=described.UPDATE)
async def update_me(
    patch: AccountPatch, identity: CurrentIdentity, service: AuthServiceDep, client: ClientDep
) -> Account:
    """Change the e-mail address or the password. A new password ends the account's other sessions."""
    return await service.change(identity, patch, client)


@router.delete("/me", status_code=204, responses=described.SIGNED_OUT)
async def delete_me(identity: CurrentIdentity, service: AuthServiceDep) -> None:
    """Delete the account and everything that belongs to it. Nobody can bring it back."""
    await service.delete(identity)


@router.get("/.well-known/jwks.json", response_model=KeySet, responses=described.JWKS)
async def jwks(request: Request) -> Response:
    """The public keys that verify this service's tokens (RFC 7517): the one in use, the next and the last."""
    return JSONResponse(request.app.state.keyring.jwks, headers={"Cache-Control": "public, max-age=60"})
