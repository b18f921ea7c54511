"""Who a request comes from, when a proxy that is trusted says so."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_REMEMBERED = 1024


async def _no_application(scope: Scope, receive: Receive, send: Send) -> None:
    """The middleware is never called: only what it knows is asked for."""


class Clients:
    """The same as uvicorn's middleware finds, for what is answered before it."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        application = cast("Any", _no_application)
        self._trusted = ProxyHeadersMiddleware(application, list(trusted_proxies)).trusted_hosts
        self._find = lru_cache(_REMEMBERED)(self._found)

    def address(self, scope: Scope, forwarded_for: bytes | None) -> str:
        """Return the address behind `forwarded_for` (X-Forwarded-For), or who is connected."""
        return self._find((scope["client"] or ("",))[0], forwarded_for)

    def _found(self, connected: str, forwarded_for: bytes | None) -> str:
        if not forwarded_for or connected not in self._trusted:
            return connected
        return self._trusted.get_trusted_client_address(forwarded_for.decode("latin-1"))[0] or connected
