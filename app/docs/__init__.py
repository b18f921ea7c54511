"""The documentation page: both services' APIs on one page, on which a person can sign in and try."""

from app.docs.routes import router

__all__ = ["router"]
