"""The floor: uvicorn as it comes, and an application that answers the same bytes to everybody.

The answer is in the file that BENCH_ANSWER names: `{"headers": [[name, value], ...], "body": text}`.
BENCH_SERVER may have options of uvicorn's, as JSON, and BENCH_SOCKETS a folder for another socket, a local
one (`<port>.socket`).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

ANSWER = json.loads(Path(os.environ["BENCH_ANSWER"]).read_text())
HEADERS = [(name.encode(), value.encode("latin-1")) for name, value in ANSWER["headers"]]
BODY = ANSWER["body"].encode()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


class Server(uvicorn.Server):
    """Listens on a local socket, too, if it is told to."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if folder := os.environ.get("BENCH_SOCKETS"):
            kind: Any = self.config.http_protocol_class
            protocol = partial(kind, self.config, self.server_state, self.lifespan.state)
            path = f"{folder}/{self.config.port}.socket"
            self.servers.append(await asyncio.get_running_loop().create_unix_server(protocol, path))


if __name__ == "__main__":
    usual = {"loop": "uvloop", "http": "httptools", "lifespan": "off", "server_header": False}
    options = {**usual, **json.loads(os.environ.get("BENCH_SERVER", "{}"))}
    port = int(os.environ["TASKYARD_PORT"])
    config = uvicorn.Config(
        app, port=port, access_log=False, log_level="warning", timeout_keep_alive=75, **options
    )
    Server(config).run()
