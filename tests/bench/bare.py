"""The floor: uvicorn as it comes, and an application that answers the same bytes to everybody.

The answer is in the file that BENCH_ANSWER names: `{"headers": [[name, value], ...], "body": text}`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import uvicorn
from starlette.types import Receive, Scope, Send

ANSWER = json.loads(Path(os.environ["BENCH_ANSWER"]).read_text())
HEADERS = [(name.encode(), value.encode("latin-1")) for name, value in ANSWER["headers"]]
BODY = ANSWER["body"].encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    port = int(os.environ["TASKYARD_PORT"])
    options = {"loop": "uvloop", "http": "httptools", "lifespan": "off", "server_header": False}
    uvicorn.run(app, port=port, access_log=False, log_level="warning", timeout_keep_alive=75, **options)  # type: ignore[arg-type] # of several kinds
