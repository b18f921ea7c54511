"""A mongod for one computer, secured as in production: a replica set of one, with a user for each service."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from tools.local_process import Process
from tools.packages import ROOT
from tools.servers import Program

REPLICA_SET = "taskyard"
# The services' users are those of production: their databases and what they may do are told there alone.
USERS: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "playbooks" / "group_vars" / "mongodb.yml").read_text(encoding="utf-8")
)["mongodb_users"]
_START_SECONDS = 30
_UNAUTHORIZED = {13, 18}
_USER_EXISTS = 51003
_ROLE_EXISTS = 51002


@dataclass(frozen=True, slots=True)
class Mongod:
    process: Process
    port: int
    passwords: dict[str, str]  # admin, auth, tasks

    def uri(self, user: str) -> str:
        database = next((known["database"] for known in USERS if known["name"] == user), "admin")
        return (
            f"mongodb://{user}:{quote(self.passwords[user])}@127.0.0.1:{self.port}/{database}"
            f"?authSource={database}&replicaSet={REPLICA_SET}&w=majority"
        )

    def admin(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(self.uri("admin"), serverSelectionTimeoutMS=5000)

    def prepare(self) -> None:
        """Start the replica set and make the users, unless an earlier run has. Raises TimeoutError."""
        give_up = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._initiate()
                self._make_users()
            except ConnectionFailure as error:
                if time.monotonic() > give_up or not self.process.running:
                    raise TimeoutError(f"mongod does not start:\n{self.process.tail()}") from error
                time.sleep(0.05)
            else:
                return

    def _initiate(self) -> None:
        member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
        with self._local() as client:
            try:
                if "setName" not in client.admin.command("hello"):
                    client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
                while not client.admin.command("hello")["isWritablePrimary"]:
                    time.sleep(0.02)
            except OperationFailure as error:
                if error.code not in _UNAUTHORIZED:  # the users are there: so is the set
                    raise

    def _make_users(self) -> None:
        """The first user is made without one: MongoDB's localhost exception."""
        with self._local() as client:
            try:
                client.admin.command("createUser", "admin", pwd=self.passwords["admin"], roles=["root"])
            except OperationFailure as error:
                if error.code not in {*_UNAUTHORIZED, _USER_EXISTS}:
                    raise
        with self.admin() as client:
            for user in USERS:
                database, name = client[user["database"]], user["name"]
                roles = [{"role": name, "db": "admin"}]
                privileges = [
                    {"resource": {"db": each["database"], "collection": ""}, "actions": each["actions"]}
                    for each in user["privileges"]
                ]
                try:
                    client.admin.command("createRole", name, privileges=privileges, roles=[])
                except OperationFailure as error:
                    if error.code != _ROLE_EXISTS:
                        raise
                    client.admin.command("updateRole", name, privileges=privileges)
                try:
                    database.command("createUser", name, pwd=self.passwords[name], roles=roles)
                except OperationFailure as error:
                    if error.code != _USER_EXISTS:
                        raise
                    database.command("updateUser", name, roles=roles)

    def _local(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=300, connectTimeoutMS=300
        )


def mongod(program: Program, folder: Path, port: int, passwords: dict[str, str]) -> Mongod:
    data, keyfile = folder / "mongodb", folder / "mongodb.key"
    data.mkdir(exist_ok=True)
    if not keyfile.exists():
        keyfile.touch(0o600)
        keyfile.write_text(secrets.token_hex(64))
    command = [
        str(program.path),
        *("--dbpath", str(data)),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"),
        *("--replSet", REPLICA_SET, "--keyFile", str(keyfile), "--auth"),
        *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", "transactionLifetimeLimitSeconds=10"),  # as in roles/mongodb
    ]
    process = Process("mongod", command, folder / "mongod.log", program.environment)
    return Mongod(process, port, passwords)
