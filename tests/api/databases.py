"""MongoDB without the rest of the product, secured as in production."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.local_mongod import Mongod, mongod
from tools.local_stack import free_ports
from tools.servers import find


@contextmanager
def mongodb_alone(folder: Path) -> Iterator[Mongod]:
    (port,) = free_ports(1)
    passwords = {user: f"{user}-password" for user in ("admin", "auth", "tasks")}
    server = mongod(find().mongod, folder, port, passwords)
    server.process.start()
    try:
        server.prepare()
        yield server
    finally:
        server.process.stop()
