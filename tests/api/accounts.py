"""People with a real account: registered and signed in through the gateway."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "correct horse battery staple"


def new_email() -> str:
    return f"{secrets.token_hex(8)}@example.com"


def register(gateway: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return gateway.post("/auth/register", json={"email": email, "password": password})


def login(gateway: httpx.Client, email: str, password: str = PASSWORD, agent: str = "test") -> httpx.Response:
    form = {"username": email, "password": password}
    return gateway.post("/auth/login", data=form, headers={"User-Agent": agent})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class SignedIn:
    """One session of somebody: `call` sends its access token."""

    gateway: httpx.Client
    email: str
    tokens: dict[str, Any]

    @property
    def access(self) -> str:
        return str(self.tokens["access_token"])

    @property
    def refresh(self) -> str:
        return str(self.tokens["refresh_token"])

    def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        own = {**bearer(self.access), **(headers or {})}
        return self.gateway.request(method, path, headers=own, **options)

    def exchange(self, token: str | None = None) -> httpx.Response:
        return self.gateway.post("/auth/refresh", json={"refresh_token": token or self.refresh})

    def again(self, agent: str = "test") -> SignedIn:
        return sign_in(self.gateway, self.email, agent=agent)


def sign_in(gateway: httpx.Client, email: str, password: str = PASSWORD, agent: str = "test") -> SignedIn:
    answer = login(gateway, email, password, agent)
    assert answer.status_code == 200, answer.text
    return SignedIn(gateway, email, answer.json())


def sign_up(gateway: httpx.Client) -> SignedIn:
    email = new_email()
    assert register(gateway, email).status_code == 201
    return sign_in(gateway, email)
