"""The key on the controller."""

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testinfra.host import Host

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "secrets"


def test_it_is_an_rsa_key_of_the_size_that_the_options_say() -> None:
    key = load_pem_private_key((FOLDER / "jwt_private_key.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048


def test_only_its_owner_may_read_it() -> None:
    assert stat.S_IMODE(FOLDER.stat().st_mode) == 0o700
    assert stat.S_IMODE((FOLDER / "jwt_private_key.pem").stat().st_mode) == 0o600


def test_it_never_gets_to_a_machine(machine: Host) -> None:
    found = machine.check_output(
        "grep -rsl --exclude='ssh_host_*' 'PRIVATE KEY' /etc /home /opt /root /srv /tmp /var/lib || true"
    )
    assert found == ""
