"""A redis-server for one computer: the services' users have exactly the rights of production."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import yaml

from tools.local_process import Process
from tools.packages import ROOT
from tools.servers import Program


@dataclass(frozen=True, slots=True)
class LocalRedis:
    process: Process
    port: int
    passwords: dict[str, str]  # redis_admin, redis_auth, redis_tasks

    def url(self, user: str, port: int | None = None) -> str:
        """`tasks` and `auth` are the services' users; `admin`, who may do everything, is for tests alone."""
        return f"redis://{user}:{quote(self.passwords[f'redis_{user}'])}@127.0.0.1:{port or self.port}/0"


def redis_server(
    program: Program, folder: Path, port: int, passwords: dict[str, str], *options: str
) -> LocalRedis:
    group = yaml.safe_load((ROOT / "playbooks" / "group_vars" / "redis.yml").read_text(encoding="utf-8"))
    rules = {user["name"]: " ".join(user["rules"].split()) for user in group["redis_users"]}
    users = "".join(f"user {name} on >{passwords[f'redis_{name}']} {rules[name]}\n" for name in rules)
    accounts = folder / "redis.acl"
    accounts.touch(0o600)
    accounts.write_text(f"user default off\n{users}user admin on >{passwords['redis_admin']} ~* &* +@all\n")
    command = [
        str(program.path),
        *("--bind", "127.0.0.1", "--port", str(port), "--aclfile", str(accounts)),
        *("--save", "", "--appendonly", "no", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
        *options,
    ]
    process = Process("redis", command, folder / "redis.log", program.environment, cwd=folder)
    return LocalRedis(process, port, passwords)
