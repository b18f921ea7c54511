"""The product without one of its ways: `python -m tests.bench.otherwise`, BENCH_WITHOUT naming the way."""

from __future__ import annotations

import json
import os
from typing import Any

from fastapi.encoders import jsonable_encoder

from app.common.server import main
from app.tasks import representation
from app.tasks.application import create_app
from app.tasks.cache_wire import Receive, Wire
from app.tasks.settings import TaskSettings


def orjson() -> None:
    """Lists are encoded as the framework would."""
    representation.to_json = lambda value: json.dumps(jsonable_encoder(value)).encode()


def gathering() -> None:
    """Each question to Redis is sent at once."""
    send = Wire.send

    def send_at_once(self: Wire, receive: Receive, *words: Any) -> None:
        send(self, receive, *words)
        self._send()

    Wire.send = send_at_once  # type: ignore[method-assign] # this is what it is about


WAYS = {way.__name__: way for way in (orjson, gathering)}

if __name__ == "__main__":
    WAYS[os.environ["BENCH_WITHOUT"]]()
    main("tasks", TaskSettings, create_app)
