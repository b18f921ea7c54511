"""What must not be found: the secrets of an environment, and how each may be written."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

_PRIVATE = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----\n(.+?)\n-----END ", re.DOTALL)
_PUBLIC = re.compile(r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----")
# So many bytes of a key in a line are no chance; so many characters of a long secret are enough to know it.
_BYTES, _CHARACTERS = 8, 64


@dataclass(frozen=True)
class Secret:
    """Its name is that of its file below .secrets; what it is made of is never shown."""

    name: str
    patterns: frozenset[str] = field(repr=False)


def secrets_of(folder: Path) -> list[Secret]:
    """Every secret in a folder's files and in those below. Raises ValueError for a key of an unknown kind."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        patterns = frozenset(patterns_of(path.read_text())) if path.suffix != ".pub" else frozenset[str]()
        if patterns:
            found.append(Secret(str(path.relative_to(folder)), patterns))
    return found


def patterns_of(text: str) -> Iterator[str]:
    """The lines that give a secret away; none for what is public."""
    keys = list(_PRIVATE.finditer(text))
    for key in keys:
        yield from distinctive(key[2], material(f"{key[0]}{key[1]}PRIVATE KEY-----\n".encode()))
    value = text.strip()
    if not keys and value and not _PUBLIC.search(text):
        for part in {value[:_CHARACTERS], value[-_CHARACTERS:]}:
            yield from {part, quote(part, safe=""), json.dumps(part)[1:-1]}


def distinctive(body: str, private: list[bytes]) -> Iterator[str]:
    """The lines of a PEM's body with something of these numbers: others are public, or alike in all keys."""
    raw, width = base64.b64decode(body), len(body.split("\n", maxsplit=1)[0])
    for number, line in enumerate(body.split("\n")):
        held = raw[number * width * 3 // 4 : (number + 1) * width * 3 // 4]
        if any(number[at : at + _BYTES] in held for number in private for at in range(len(number) - _BYTES)):
            yield line


def material(pem: bytes) -> list[bytes]:
    """The numbers that are secret in a private key (PEM)."""
    is_openssh = b"BEGIN OPENSSH" in pem
    key: PrivateKeyTypes | object = (
        load_ssh_private_key(pem, None) if is_openssh else load_pem_private_key(pem, None)
    )
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return [key.private_bytes_raw()]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return [bytes_of(key.private_numbers().private_value)]
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        return [bytes_of(each) for each in (numbers.d, numbers.p, numbers.q)]
    raise ValueError(f"the audit does not know how a {type(key).__name__} is written")


def bytes_of(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
