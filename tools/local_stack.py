"""The whole product as processes of this computer: real MongoDB, Redis and Nginx, auth and task instances.

Everything listens on 127.0.0.1, lives in one folder, and ends with this process. For tests and `make dev`.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tools.local_mongod import mongod
from tools.local_process import Output, Process
from tools.local_redis import redis_server
from tools.packages import ROOT
from tools.servers import Servers

_READY_SECONDS = 60
_RENDER_SECONDS = 120
# Below what Linux hands out for outgoing connections, so that a restarted server finds its port free.
_PORT_RANGE = range(20000, 32000)
_kept: set[int] = set()


@dataclass(frozen=True, slots=True)
class Ports:
    gateway: int
    auth: list[int]
    tasks: list[int]
    mongodb: int
    redis: int

    @classmethod
    def free(cls, tasks: int = 3) -> Self:
        ports = free_ports(4 + tasks)
        return cls(ports[0], ports[1:2], ports[4:], ports[2], ports[3])

    def all(self) -> list[int]:
        return [self.gateway, *self.auth, *self.tasks, self.mongodb, self.redis]


@dataclass
class LocalStack:
    """`with LocalStack(servers, folder) as stack:` starts everything; a folder used before keeps its data."""

    servers: Servers
    folder: Path
    ports: Ports = field(default_factory=Ports.free)
    settings: Mapping[str, str] = field(default_factory=dict)  # on top of what the stack itself sets
    gateway_options: Mapping[str, Any] = field(default_factory=dict)  # roles/nginx/defaults/main.yml
    cors_origins: Sequence[str] = ()  # whose pages may call it from a browser
    output: Output | None = None  # of the services and the gateway; the databases' own logs are in the folder

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.passwords = self._kept_passwords()
        self.private_key = self.folder / "jwt_private.pem"
        self.public_keys = self.folder / "jwt_public.pem"
        self.gateway_url = f"http://127.0.0.1:{self.ports.gateway}"
        self.auth_url = f"http://127.0.0.1:{self.ports.auth[0]}"
        self.task_urls = [f"http://127.0.0.1:{port}" for port in self.ports.tasks]
        self.database = mongod(self.servers.mongod, self.folder, self.ports.mongodb, self.passwords)
        self.mongodb = self.database.process
        self.cache = redis_server(self.servers.redis, self.folder, self.ports.redis, self.passwords)
        self.redis = self.cache.process
        self.auth = [self._service("auth", port) for port in self.ports.auth]
        self.tasks = [self._service("tasks", port) for port in self.ports.tasks]
        self.gateway = self._gateway()
        self._rendering = self._render_gateway()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def redis_admin_url(self) -> str:
        return self.cache.url("admin")

    def start(self) -> None:
        """Start side by side what can be, and return when all of it answers."""
        self.mongodb.start()
        self.redis.start()
        self._rendering.start()
        self._make_keys()
        self.database.prepare()
        for service in (*self.auth, *self.tasks):
            service.start()
        if self._rendering.wait(_RENDER_SECONDS):
            # Ansible says what went wrong before its table of times.
            raise RuntimeError(f"the gateway's configuration cannot be rendered:\n{self._rendering.tail(60)}")
        self.gateway.start()
        for url, process in zip([self.auth_url, *self.task_urls], [*self.auth, *self.tasks], strict=True):
            wait_until_ready(url, process)
        wait_until_ready(self.gateway_url, self.gateway, "/healthz")
        if not self.redis.running:
            raise RuntimeError(f"redis-server does not start:\n{self.redis.tail()}")

    def stop(self) -> None:
        """The door and the services first: they need the databases to leave in good order."""
        for group in ([self.gateway, *self.auth, *self.tasks], [self.mongodb, self.redis, self._rendering]):
            for process in group:
                process.resume()
                process.terminate()
            for process in group:
                process.stop()

    def service_environment(self, kind: str, port: int) -> dict[str, str]:
        """What a service needs to run by itself; `monolith` gets both."""
        auth = {
            "TASKYARD_AUTH_MONGODB_URI": self.database.uri("auth"),
            "TASKYARD_AUTH_REDIS_URL": self.cache.url("auth"),
            "TASKYARD_AUTH_PRIVATE_KEY_FILE": str(self.private_key),
            "TASKYARD_AUTH_OTHER_PUBLIC_KEYS_FILE": str(self.public_keys),
        }
        tasks = {
            "TASKYARD_PUBLIC_URL": self.gateway_url,
            "TASKYARD_TASKS_MONGODB_URI": self.database.uri("tasks"),
            "TASKYARD_TASKS_PUBLIC_KEYS_FILE": str(self.public_keys),
            "TASKYARD_TASKS_REDIS_URL": self.cache.url("tasks"),
        }
        own = {"auth": auth, "tasks": tasks, "monolith": {**auth, **tasks}}[kind]
        common = {
            "TASKYARD_PORT": str(port),
            "TASKYARD_TRUSTED_PROXIES": "127.0.0.1",
            "TASKYARD_CORS_ORIGINS": ",".join(self.cors_origins),
        }
        return {**common, **own, **self.settings}

    def _service(self, kind: str, port: int) -> Process:
        name = f"{kind}@{port}"
        command = [sys.executable, "-m", f"app.{kind}"]
        environment = self.service_environment(kind, port)
        return Process(name, command, self.folder / f"{name}.log", environment, output=self.output, cwd=ROOT)

    def _gateway(self) -> Process:
        configuration = self.folder / "gateway" / "nginx.conf"
        error_log = self.folder / "nginx" / "error.log"
        (self.folder / "nginx").mkdir(exist_ok=True)
        command = [
            str(self.servers.nginx.path),
            "-e",
            str(error_log),
            "-c",
            str(configuration),
            "-g",
            "daemon off;",
        ]
        environment = self.servers.nginx.environment
        return Process("gateway", command, self.folder / "nginx.log", environment, output=self.output)

    def _render_gateway(self) -> Process:
        """The gateway's configuration is the product's own template, told other ports and folders."""
        inventory, variables = self.folder / "inventory.json", self.folder / "nginx.json"
        host = {"ansible_host": "127.0.0.1", "ansible_connection": "local", "ansible_become": False}
        groups: dict[str, dict[str, Any]] = {
            "gateway": {"hosts": {"gateway": {}}},
            "auth_service": {"hosts": {"app": {}}, "vars": {"auth_service_ports": self.ports.auth}},
            "task_service": {"hosts": {"app": {}}, "vars": {"task_service_ports": self.ports.tasks}},
            "mongodb": {"hosts": {"data": {}}},
            "redis": {"hosts": {"data": {}}},
        }
        hosts = {"gateway": host, "app": host, "data": host}
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "children": groups}}))
        own = {
            "nginx_listen_address": "127.0.0.1",
            "nginx_port": self.ports.gateway,
            "nginx_tls": False,
            # Who works on this computer is not counted. The rest of 127.0.0.0/8 can play other clients.
            "nginx_unlimited_clients": ["127.0.0.1"],
            "cors_origins": self.cors_origins,
            **self.gateway_options,
            # Nginx started by root would hand over to a user who cannot write into this folder.
            "nginx_user": "root" if os.geteuid() == 0 else "",
            **{f"_nginx_{kind}_dir": str(self.folder / "nginx") for kind in ("run", "log", "state")},
        }
        variables.write_text(json.dumps(own))
        command = [
            *(sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "--limit", "gateway"),
            *("playbooks/render.yml", "-e", f"render_dir={self.folder}", "-e", f"@{variables}"),
        ]
        environment = {"ANSIBLE_HOME": str(self.folder / "ansible")}
        return Process("render", command, self.folder / "render.log", environment, cwd=ROOT)

    def _make_keys(self) -> None:
        if self.private_key.exists():
            return
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.public_keys.write_bytes(public_half(pem))
        self.private_key.touch(0o600)
        self.private_key.write_bytes(pem)

    def _kept_passwords(self) -> dict[str, str]:
        """Passwords live as long as the data that they open."""
        kept = self.folder / "passwords.json"
        passwords: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
        for name in ("admin", "auth", "tasks", "redis_auth", "redis_tasks", "redis_admin"):
            passwords.setdefault(name, secrets.token_urlsafe(24))
        kept.touch(0o600)
        kept.write_text(json.dumps(passwords))
        return passwords


def public_half(private_key: bytes) -> bytes:
    """Return the public key (PEM) of a private one (PEM)."""
    public = load_pem_private_key(private_key, None).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def free_ports(count: int) -> list[int]:
    """Find ports of 127.0.0.1 that nobody listens on, and keep them for this process.

    A server listens a while after its port was chosen, and other test processes choose meanwhile.
    """
    found: list[int] = []
    for port in secrets.SystemRandom().sample(_PORT_RANGE, len(_PORT_RANGE)):
        if is_free(port) and _keep(port):
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError("there are not enough free ports on 127.0.0.1")


def _keep(port: int) -> bool:
    """Lock the port's byte in a file that this user's processes share: the lock ends with the process."""
    if port in _kept:
        return False
    try:
        fcntl.lockf(_port_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _kept.add(port)
    return True


@functools.cache
def _port_locks() -> int:
    file = Path(tempfile.gettempdir()) / f"taskyard-ports-{os.getuid()}"
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_ready(url: str, process: Process, path: str = "/readyz") -> None:
    """Raises RuntimeError with the end of the log when the process ends or stays silent."""
    give_up = time.monotonic() + _READY_SECONDS
    while time.monotonic() < give_up and process.running:
        try:
            if httpx.get(url + path, timeout=2, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.03)
    raise RuntimeError(f"{process.name} does not get ready:\n{process.tail()}")
