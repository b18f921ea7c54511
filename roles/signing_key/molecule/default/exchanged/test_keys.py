"""The keys after an exchange."""

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "secrets"


def public(name: str) -> str:
    key = load_pem_private_key((FOLDER / name).read_bytes(), None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip()


def test_the_last_key_is_known_and_another_one_signs() -> None:
    last = (FOLDER / "jwt_last_public_key.pem").read_text().strip()
    assert last == public("before.pem")
    assert last != public("jwt_private_key.pem")


def test_the_next_key_has_become_the_present_one() -> None:
    assert not (FOLDER / "jwt_next_private_key.pem").exists()
    assert stat.S_IMODE((FOLDER / "jwt_private_key.pem").stat().st_mode) == 0o600
