"""TLS between the parts: MongoDB and Redis take nothing else, and nobody who has not signed in."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

import bson

from tests.audit.report import Row
from tests.audit.site import Machine, Site
from tests.molecule.certificates import spoken

GROUP = "TLS inside"
WANTED = {"TLSv1_2", "TLSv1_3"}
CERTIFICATE = re.compile(r"(\w+): (\d+) days, until ")
_ALERT = 0x15  # how TLS says no (RFC 8446, 5.1)
_OP_MSG = 2013  # MongoDB's wire protocol
_UNAUTHORIZED = 13
# Prints in hex what a port of the machine answers to some bytes (hex), said in the clear or by TLS.
_ASK = """
import socket, ssl, sys
port, way, question = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port)), 10) as connection:
    if way == "tls":
        connection = ssl._create_unverified_context().wrap_socket(connection)
    try:
        connection.sendall(bytes.fromhex(question))
        print(connection.recv(65536).hex())
    except ConnectionError:
        print()
"""


def rows(site: Site) -> Iterator[Row]:
    for machine in site.of("mongodb"):
        yield server_row(
            machine, "MongoDB", machine.facts["mongodb_port"], message({"listDatabases": 1, "$db": "admin"})
        )
    for machine in site.of("redis"):
        yield server_row(machine, "Redis", machine.facts["redis_port"], b"DBSIZE\r\n")
    servers = sum(len(site.of(group)) for group in ("mongodb", "redis", "gateway"))
    yield certificates(site.playbook("status.yml", log="certificates.txt"), servers)


def server_row(machine: Machine, name: str, port: int, question: bytes) -> Row:
    versions = spoken(machine.host, port)
    wrong = [f"it speaks {each}" for each in sorted(versions - WANTED)]
    wrong += [f"it does not speak {each}" for each in sorted(WANTED - versions)]
    if not is_refusal(ask(machine, port, "plain", question)):
        wrong.append("it answers in the clear")
    if not is_for_accounts(ask(machine, port, "tls", question)):
        wrong.append("it does not ask who somebody is")
    return Row(GROUP, f"{name} on {machine.name}", ", ".join(sorted(versions)), tuple(wrong))


def ask(machine: Machine, port: int, way: str, question: bytes) -> bytes:
    said = machine.host.check_output("python3 -c %s %s %s %s", _ASK, str(port), way, question.hex())
    return bytes.fromhex(said.strip())


def message(command: dict[str, Any]) -> bytes:
    """A command as MongoDB is sent one (OP_MSG)."""
    body = bytes(4) + b"\0" + bson.encode(command)
    return struct.pack("<iiii", 16 + len(body), 1, 0, _OP_MSG) + body


def is_refusal(answer: bytes) -> bool:
    """Closed without a word, or with one of TLS."""
    return answer == b"" or answer[0] == _ALERT


def is_for_accounts(answer: bytes) -> bool:
    """What Redis, or MongoDB, says to somebody who has not signed in."""
    if answer.startswith(b"-NOAUTH"):
        return True
    return len(answer) > 21 and bson.decode(answer[21:]).get("code") == _UNAUTHORIZED


def certificates(said: str, servers: int) -> Row:
    """Of what playbooks/status.yml prints, which fails where a certificate ends soon."""
    days = [int(number) for _, number in CERTIFICATE.findall(said)]
    wrong = () if len(days) == servers else (f"{len(days)} of {servers} servers showed one",)
    return Row(GROUP, "certificates", f"{len(days)}, good for {min(days, default=0)} days at least", wrong)
