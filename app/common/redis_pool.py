"""Connections to Redis that give up soon: nothing here is worth waiting for."""

from __future__ import annotations

from pydantic import SecretStr
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

_CONNECTIONS = 50


def pool(url: SecretStr, timeout_seconds: float) -> BlockingConnectionPool:
    """Redis need not answer yet: connections are made when they are needed, and nothing is tried twice."""
    return BlockingConnectionPool.from_url(
        url.get_secret_value(),
        max_connections=_CONNECTIONS,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
