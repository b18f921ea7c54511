from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from app.common.logs import JsonFormatter, TurnHandler, redact, request_id

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"


def line(message: str, *values: object, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("app.test", logging.WARNING, "", 1, message, values, None)
    record.__dict__.update(extra)
    formatted = JsonFormatter("tasks").format(record)
    assert "\n" not in formatted
    parsed: dict[str, object] = json.loads(formatted)
    return parsed


def test_a_line_is_one_json_object_with_the_request_it_belongs_to() -> None:
    context = request_id.set("abc")
    try:
        written = line("two\n%s", "lines", fields={"status": 200})
    finally:
        request_id.reset(context)
    assert str(written.pop("time")).endswith("+00:00")
    assert written == {
        "level": "warning",
        "logger": "app.test",
        "message": "two\nlines",
        "service": "tasks",
        "request_id": "abc",
        "status": 200,
    }


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {TOKEN}",
        f"token {TOKEN} refused",
        "bearer hunter2hunter2",
        "mongodb://tasks:hunter2@10.0.0.1/taskyard",
        "redis://:hunter2@10.0.0.1:6379",
        "{'password': 'hunter2'}",
        "password=hunter2&x=1",
        'client_secret: "hunter2"',
    ],
)
def test_what_looks_like_a_credential_is_taken_out(text: str) -> None:
    written = redact(text)
    assert "hunter2" not in written
    assert TOKEN not in written


def test_ordinary_text_stays_as_it_is() -> None:
    text = "MongoDB at 10.0.0.1:27017 does not answer, see http://10.0.0.1/tasks/1"
    assert redact(text) == text


def test_a_traceback_is_kept_in_one_line_without_its_secrets() -> None:
    try:
        int("mongodb://tasks:hunter2@10.0.0.1/x")
    except ValueError as error:
        written = line("failed", exc_info=(ValueError, error, error.__traceback__))
    assert "Traceback" in str(written["exception"])
    assert "hunter2" not in str(written)


def test_text_that_is_no_unicode_can_be_logged() -> None:
    assert line("\ud800")["message"] == "?"


class Stream(io.BytesIO):
    """Counts how often something was written."""

    writes = 0

    def write(self, content: Any) -> int:
        self.writes += 1
        return super().write(content)


@pytest.fixture
def stream() -> Iterator[Stream]:
    handler = TurnHandler(stream := Stream())
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("app.test")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)


@pytest.mark.anyio
async def test_the_lines_of_a_turn_are_written_at_once_when_it_ends(stream: Stream) -> None:
    logger = logging.getLogger("app.test")
    for number in range(3):
        logger.info("%d", number)
    assert stream.writes == 0
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (stream.writes, stream.getvalue()) == (1, b"0\n1\n2\n")
    logger.info("another turn")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert stream.getvalue().endswith(b"2\nanother turn\n")


@pytest.mark.anyio
async def test_a_warning_waits_for_nothing_and_stays_behind_what_was_before_it(stream: Stream) -> None:
    logging.getLogger("app.test").info("before")
    logging.getLogger("app.test").warning("something is wrong")
    assert stream.getvalue() == b"before\nsomething is wrong\n"


def test_without_a_loop_and_in_other_threads_a_line_is_written_right_away(stream: Stream) -> None:
    logging.getLogger("app.test").info("starting")
    assert stream.getvalue() == b"starting\n"
    thread = threading.Thread(target=logging.getLogger("app.test").info, args=["looking"])
    thread.start()
    thread.join()
    assert stream.getvalue() == b"starting\nlooking\n"


def test_a_line_that_cannot_be_made_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    handler = TurnHandler(stream := Stream())
    for message in ("%d", "%s"):
        handler.handle(logging.LogRecord("app.test", logging.INFO, "", 1, message, ("no number",), None))
    assert stream.getvalue() == b"no number\n"
    assert "TypeError" in capsys.readouterr().err
