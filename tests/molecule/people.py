"""Somebody with an account, for scenarios that have the auth service on their machine."""

from __future__ import annotations

import secrets

from testinfra.host import Host

from tests.molecule.requests import ask

AUTH = "http://127.0.0.1:8001"
PASSWORD = "a long enough passphrase"


def register(machine: Host) -> str:
    """A new account; its address."""
    email = f"somebody-{secrets.token_hex(4)}@example.com"
    account = {"email": email, "password": PASSWORD}
    assert ask(machine, "POST", f"{AUTH}/auth/register", document=account)[0] == 201
    return email


def sign_in(machine: Host, email: str) -> str:
    """An access token."""
    status, _, tokens = ask(
        machine, "POST", f"{AUTH}/auth/login", form=f"username={email}&password={PASSWORD}"
    )
    assert status == 200
    token: str = tokens["access_token"]
    return token
