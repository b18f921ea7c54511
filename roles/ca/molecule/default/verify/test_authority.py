"""The authority on the controller."""

import os
import stat
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testinfra.host import Host

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "secrets"


def certificate() -> x509.Certificate:
    return x509.load_pem_x509_certificate((FOLDER / "ca_certificate.pem").read_bytes())


def test_it_is_an_authority_that_signs_servers_and_no_other_authorities() -> None:
    constraints = certificate().extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)
    usage = certificate().extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)


def test_it_is_good_for_ten_years_and_belongs_to_its_key() -> None:
    key = load_pem_private_key((FOLDER / "ca_private_key.pem").read_bytes(), None)
    assert certificate().public_key() == key.public_key()
    assert certificate().not_valid_after_utc - certificate().not_valid_before_utc == timedelta(days=3650)


def test_only_its_owner_may_read_the_key() -> None:
    assert stat.S_IMODE(FOLDER.stat().st_mode) == 0o700
    assert stat.S_IMODE((FOLDER / "ca_private_key.pem").stat().st_mode) == 0o600


def test_the_key_never_gets_to_a_machine(machine: Host) -> None:
    found = machine.check_output(
        "grep -rsl --exclude='ssh_host_*' 'PRIVATE KEY' /etc /home /opt /root /srv /tmp /var/lib || true"
    )
    assert found == ""
