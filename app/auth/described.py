"""What the API's description says about the auth routes beyond their types: headers, errors, links."""

from __future__ import annotations

from typing import Any

from app.auth.models import EXAMPLE_SESSION
from app.common.problems import refusal

Responses = dict[int | str, dict[str, Any]]


def _cache_control(value: str) -> dict[str, Any]:
    return {"headers": {"Cache-Control": {"description": value, "schema": {"type": "string"}}}}


def _link(operation: str, description: str, body: dict[str, str]) -> dict[str, Any]:
    return {operation: {"operationId": operation, "description": description, "requestBody": body}}


_SIGN_IN = _link(
    "login", "Sign in.", {"username": "$request.body#/email", "password": "$request.body#/password"}
)
_REFRESH = _link(
    "refresh", "Tokens for the time after these.", {"refresh_token": "$response.body#/refresh_token"}
)
_TOKENS: Responses = {200: {**_cache_control("no-store"), "links": _REFRESH}}
_PRIVATE: Responses = {200: _cache_control("private, no-cache")}
_TAKEN = "this e-mail address is already registered"
_TOO_MANY = "too many attempts; please wait"
SIGNED_OUT = refusal(401, "the access token is missing, expired or not valid here", "/auth/me")

REGISTER: Responses = {
    201: {"links": _SIGN_IN},
    **refusal(409, _TAKEN, "/auth/register"),
    **refusal(429, _TOO_MANY, "/auth/register"),
}
LOGIN: Responses = {
    **_TOKENS,
    **refusal(401, "wrong e-mail address or password", "/auth/login"),
    **refusal(429, _TOO_MANY, "/auth/login"),
}
REFRESH: Responses = {
    **_TOKENS,
    **refusal(
        401, "the refresh token is not valid, expired, or was used before; sign in again", "/auth/refresh"
    ),
}
READ: Responses = {**_PRIVATE, **SIGNED_OUT}
END_SESSION: Responses = {
    **SIGNED_OUT,
    **refusal(404, "there is no such session", f"/auth/sessions/{EXAMPLE_SESSION}"),
}
UPDATE: Responses = {
    **SIGNED_OUT,
    **refusal(403, "the current password is not right", "/auth/me"),
    **refusal(409, _TAKEN, "/auth/me"),
    **refusal(429, _TOO_MANY, "/auth/me"),
}
JWKS: Responses = {200: _cache_control("public, max-age=60")}
