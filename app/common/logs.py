"""One JSON object a line on stdout, for journald. Whatever looks like a credential is taken out."""

from __future__ import annotations

import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_SECRETS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"(?i)(bearer|basic)\s+[\w.~+/=-]+"), r"\1 [credentials]"),
    (re.compile(r"(\w+://)[^\s/@]+@"), r"\1[credentials]@"),
    (re.compile(r"(?i)(password|secret|token)(['\"]?\s*[=:]\s*)(['\"]?)[^\s'\",&}]+"), r"\1\2\3[redacted]"),
)


def redact(text: str) -> str:
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """Fields: time (UTC), level, logger, message, service, request_id, and the caller's `fields`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(_printable(record.getMessage())),
            "service": self._service,
        }
        if (current := request_id.get()) is not None:
            line["request_id"] = current
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = redact(_printable(self.formatException(record.exc_info)))
        return orjson.dumps(line, default=str).decode()


def _printable(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def configure(service: str, level: str) -> None:
    """Send every logger of the process, uvicorn's included, through one handler."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    logging.captureWarnings(capture=True)
    # Drivers tell every heartbeat and every connection at debug.
    for name in ("pymongo", "asyncio", "multipart", "python_multipart"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
