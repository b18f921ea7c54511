"""One JSON object a line on stdout, for journald. Whatever looks like a credential is taken out."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO

import orjson

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_SECRETS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"(?i)(bearer|basic)\s+[\w.~+/=-]+"), r"\1 [credentials]"),
    (re.compile(r"(\w+://)[^\s/@]+@"), r"\1[credentials]@"),
    (re.compile(r"(?i)(password|secret|token)(['\"]?\s*[=:]\s*)(['\"]?)[^\s'\",&}]+"), r"\1\2\3[redacted]"),
)


# What all of them need: most lines have none of it, and are not searched again.
_suspicious = re.compile(r"(?i)eyJ|bearer|basic|://|password|secret|token").search


def redact(text: str) -> str:
    if not _suspicious(text):
        return text
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class JsonFormatter(logging.Formatter):
    """Fields: time (UTC), level, logger, message, service, request_id, and the caller's `fields`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        message = redact(_printable(record.getMessage()))
        fields = dict(getattr(record, "fields", {}))
        if "request_id" not in fields and (current := request_id.get()) is not None:
            fields = {"request_id": current, **fields}
        if record.exc_info:
            fields["exception"] = redact(_printable(self.formatException(record.exc_info)))
        return self.line(record.created, record.levelname, record.name, message, fields).decode()

    def line(self, created: float, level: str, name: str, message: str, fields: dict[str, Any]) -> bytes:
        """Make a line of what has no secrets in it. `created` is in seconds since 1970."""
        line = {
            "time": f"{_second(int(created))}.{int(created % 1 * 1000):03}+00:00",
            "level": level.lower(),
            "logger": name,
            "message": message,
            "service": self._service,
            **fields,
        }
        return orjson.dumps(line, default=str)


@lru_cache(2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


class TurnHandler(logging.Handler):
    """Writes the lines of one turn of the event loop at once, and what is more than information right away.

    A system call costs more than all else about a line. What a process has not written when it is killed is
    what it did in its last turn.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: list[bytes] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.add(self.format(record).encode("utf-8", "replace"))
            if record.levelno > logging.INFO:
                self.flush()
        except Exception:  # noqa: BLE001 - as every handler: a line that cannot be written stops nobody
            self.handleError(record)

    def add(self, line: bytes) -> None:
        """Write a line when this turn ends; right away at the start, and in other threads."""
        self._lines.append(line)
        if len(self._lines) > 1:  # the end of the turn is waited for already
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def flush(self) -> None:
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            if lines:
                self._stream.write(b"\n".join([*lines, b""]))
                self._stream.flush()
        finally:
            self.release()


def flush() -> None:
    """Write what waits for the end of a turn."""
    for handler in logging.getLogger().handlers:
        handler.flush()


class RequestLog:
    """The line of each request. `logging` would bring it to the same place, and take longer over it."""

    def __init__(self) -> None:
        self._logger = logging.getLogger("app.request")
        self._way: tuple[TurnHandler, JsonFormatter] | None = None

    def go_straight(self, handler: TurnHandler, formatter: JsonFormatter) -> None:
        """Leave `logging` out from now on."""
        self._way = (handler, formatter)

    def write(self, fields: dict[str, Any]) -> None:
        """Log a request as information."""
        if self._way is None:
            self._logger.info("request", extra={"fields": fields})
        elif self._logger.isEnabledFor(logging.INFO):
            handler, formatter = self._way
            handler.add(formatter.line(time.time(), "INFO", self._logger.name, "request", fields))


requests = RequestLog()


def _printable(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def configure(service: str, level: str) -> None:
    """Send every logger of the process, uvicorn's included, through one handler."""
    # What no line shows need not be found out for each (Python's logging HOWTO, "Optimization").
    logging._srcfile = None  # noqa: SLF001 - the switch that the documentation names
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler, formatter = TurnHandler(sys.stdout.buffer), JsonFormatter(service)
    handler.setFormatter(formatter)
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
    requests.go_straight(handler, formatter)
