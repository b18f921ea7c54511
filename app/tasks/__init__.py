"""The task service: everybody's own to-do list. It verifies tokens, and cannot make any."""

from app.tasks.application import create_app

__all__ = ["create_app"]
