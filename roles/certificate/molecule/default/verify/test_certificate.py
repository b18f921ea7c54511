"""The key and certificate that a machine gets."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from testinfra.host import Host

from tests.molecule.certificates import in_file, names

SECRETS = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "secrets"
SAMPLE = "/etc/sample.pem"


def test_the_certificate_is_of_the_authority_and_belongs_to_the_key(machine: Host) -> None:
    certificate = in_file(machine, SAMPLE)
    certificate.verify_directly_issued_by(in_file(machine, "/etc/authorities.pem"))
    key = load_pem_private_key(machine.file(SAMPLE).content, None)
    assert certificate.public_key() == key.public_key()


def test_it_is_for_the_names_and_addresses_that_were_asked_for_and_no_other(machine: Host) -> None:
    hostname = machine.check_output("hostname")
    assert names(in_file(machine, SAMPLE)) == {hostname, "10.9.8.7", "fd00::7", "localhost"}


def test_it_is_good_for_as_long_as_the_options_say(machine: Host) -> None:
    certificate = in_file(machine, SAMPLE)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=365)


def test_nobody_else_may_read_the_key(machine: Host) -> None:
    assert machine.file(SAMPLE).mode == 0o640
    assert stat.S_IMODE((SECRETS / "certificates").stat().st_mode) == 0o700


def test_the_authoritys_key_never_gets_to_the_machine(machine: Host) -> None:
    authority = load_pem_private_key((SECRETS / "ca_private_key.pem").read_bytes(), None).public_key()
    found = machine.check_output(
        "grep -rsl --exclude='ssh_host_*' 'PRIVATE KEY' /etc /home /opt /root /srv /tmp /var/lib || true"
    )
    assert found.split() == [SAMPLE]
    assert load_pem_private_key(machine.file(SAMPLE).content, None).public_key() != authority
