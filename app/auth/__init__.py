"""The auth service: accounts and access tokens. It alone holds the private key."""

from app.auth.application import create_app

__all__ = ["create_app"]
