"""`make dev`: the application alone, as processes of this computer, restarted whenever its code changes.

    python -m tools.dev [--gateway-port 8000] [--cors-origin http://localhost:5173 ...]

The services' ports are those of inventory/local. The data stays in .cache/dev until that folder is deleted.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import watchfiles
import yaml
from pydantic import TypeAdapter, ValidationError

from app.common.settings import Origins
from tools.local_stack import LocalStack, Ports, is_free, wait_until_ready
from tools.packages import ROOT
from tools.servers import ServersError, find

FOLDER = ROOT / ".cache" / "dev"
# The replica set's configuration names mongod's port: it has to stay the same from run to run.
MONGODB_PORT, REDIS_PORT = 28017, 28079
_COLOURS = {"auth": 35, "tasks": 36, "gateway": 33}


def main() -> int:
    arguments = _arguments()
    ports = ports_of(ROOT / "inventory" / "local" / "hosts.yml", arguments.gateway_port)
    if taken := [str(port) for port in ports.all() if not is_free(port)]:
        word = "Port" if len(taken) == 1 else "Ports"
        _fail(f"{word} {', '.join(taken)} of 127.0.0.1 in use. See by whom: ss -ltnp   (Another `make dev`?)")
    signal.signal(signal.SIGTERM, _interrupt)
    settings = {"TASKYARD_DRAIN_SECONDS": "0"}
    try:
        print("Starting MongoDB, Redis, the services and the gateway ...", flush=True)
        with LocalStack(
            find(), FOLDER, ports, settings, cors_origins=arguments.cors_origins, output=show
        ) as stack:
            print(summary(stack), flush=True)
            restart_on_change(stack)
    except (ServersError, RuntimeError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def ports_of(inventory: Path, gateway: int) -> Ports:
    groups: dict[str, Any] = yaml.safe_load(inventory.read_text(encoding="utf-8"))["all"]["children"]
    auth, tasks = (list(groups[name]["vars"][f"{name}_ports"]) for name in ("auth_service", "task_service"))
    return Ports(gateway, auth, tasks, MONGODB_PORT, REDIS_PORT)


def restart_on_change(stack: LocalStack) -> None:
    for _ in watchfiles.watch(ROOT / "app", watch_filter=watchfiles.PythonFilter(), raise_interrupt=True):
        print("The code has changed: restarting the services ...", flush=True)
        services = [*stack.auth, *stack.tasks]
        for service in services:
            service.terminate()
        for service in services:
            service.stop()
            service.start()
        try:
            for url, service in zip([stack.auth_url, *stack.task_urls], services, strict=True):
                wait_until_ready(url, service)
            print("Ready.", flush=True)
        except RuntimeError as error:
            print(f"{error}\nWaiting for the next change ...", flush=True)


def show(name: str, line: str) -> None:
    colour = _COLOURS[name.partition("@")[0]]
    prefix = f"\x1b[{colour}m{name:<10}\x1b[0m" if sys.stdout.isatty() else f"{name:<10}"
    print(f"{prefix} {line}", flush=True)


def summary(stack: LocalStack) -> str:
    rows = {
        "gateway": stack.gateway_url,
        "in a browser": f"{stack.gateway_url}/docs",
        "auth": stack.auth_url,
        "tasks": "  ".join(stack.task_urls),
        "MongoDB": f"127.0.0.1:{stack.ports.mongodb}",
        "Redis": f"127.0.0.1:{stack.ports.redis}",
        "data, logs": str(stack.folder.relative_to(ROOT)),
    }
    lines = [f"  {name:<14}{value}" for name, value in rows.items()]
    return "\n".join(["", "Taskyard runs. Ctrl-C ends it.", *lines, ""])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make dev", description="Run the application on this computer.")
    parser.add_argument("--gateway-port", type=int, default=8000, help="default: 8000")
    parser.add_argument(
        "--cors-origin",
        type=_origin,
        dest="cors_origins",
        metavar="ORIGIN",
        action="append",
        default=[],
        help="whose pages may call it from a browser, such as http://localhost:5173",
    )
    return parser.parse_args()


def _origin(value: str) -> str:
    try:
        return TypeAdapter(Origins).validate_python([value])[0]
    except ValidationError as error:
        raise argparse.ArgumentTypeError(error.errors()[0]["ctx"]["error"]) from None


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _fail(reason: str) -> NoReturn:
    print(f"taskyard: {reason}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
