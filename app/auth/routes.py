from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from starlette.responses import JSONResponse

from app.auth.models import AccessToken, Account, Registration
from app.auth.service import AuthService
from app.common.problems import responses
from app.common.strict_json import StrictRoute
from app.common.tokens import CurrentUserId

router = APIRouter(prefix="/auth", tags=["auth"], route_class=StrictRoute)


async def _service(request: Request) -> AuthService:
    service: AuthService = request.app.state.auth
    return service


AuthServiceDep = Annotated[AuthService, Depends(_service)]
LoginForm = Annotated[OAuth2PasswordRequestForm, Depends()]


@router.post("/register", status_code=201, responses=responses(409))
async def register(registration: Registration, service: AuthServiceDep) -> Account:
    """Make an account. The address is kept in lower case."""
    return await service.register(registration)


@router.post("/login", responses=responses(401))
async def login(form: LoginForm, service: AuthServiceDep, response: Response) -> AccessToken:
    """Exchange an e-mail address (`username`) and a password for an access token (RFC 6749, 4.3)."""
    response.headers["Cache-Control"] = "no-store"
    return await service.login(form.username, form.password)


@router.get("/me", responses=responses(401))
async def me(user_id: CurrentUserId, service: AuthServiceDep, response: Response) -> Account:
    """Whose token is this?"""
    response.headers["Cache-Control"] = "private, no-cache"
    return await service.account(user_id)


@router.get("/.well-known/jwks.json", response_model=dict[str, Any])
async def jwks(request: Request) -> Response:
    """The public keys that verify this service's tokens (RFC 7517)."""
    return JSONResponse(request.app.state.jwks, headers={"Cache-Control": "public, max-age=300"})
