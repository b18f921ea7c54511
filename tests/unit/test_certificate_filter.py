"""Whether a certificate that is kept still serves (roles/certificate/filter_plugins)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tools.packages import ROOT

_FILE = ROOT / "roles" / "certificate" / "filter_plugins" / "certificate.py"
_SPEC = importlib.util.spec_from_file_location("certificate_filter", _FILE)
assert _SPEC
assert _SPEC.loader
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
serves = _MODULE.certificate_serves
USES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
SIGNS = x509.KeyUsage(
    digital_signature=True,
    **dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    ),
)
NAMES = ["data1", "192.0.2.1", "2001:db8::1"]
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def signed(
    by: Key,
    issuer: str,
    *,
    key: Key,
    subject: str,
    names: Sequence[str] = (),
    days: int,
    uses: Sequence[x509.ObjectIdentifier] = (),
) -> bytes:
    """A certificate that is good from an hour ago on."""
    alternatives: list[x509.GeneralName] = []
    for name in names:
        is_address = name[0].isdigit()
        alternatives.append(x509.IPAddress(ip_address(name)) if is_address else x509.DNSName(name))
    began = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]),
        key.public_key(),
        x509.random_serial_number(),
        began,
        began + timedelta(days=days),
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    if uses:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        builder = builder.add_extension(SIGNS, critical=True)
    return builder.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM)


class Kept:
    """An authority, and what is kept of a server."""

    def __init__(self, folder: Path) -> None:
        self.stem = folder / "data1-mongodb"
        self.authority_key, self.key = new_key(), new_key()
        self.authority = signed(
            self.authority_key, "CA", key=self.authority_key, subject="CA", days=3650
        ).decode()
        self.keep()

    def keep(self, key: Key | None = None, **otherwise: Any) -> None:
        options: dict[str, Any] = {
            "by": self.authority_key,
            "issuer": "CA",
            "subject": NAMES[0],
            "names": NAMES,
            "days": 100,
            "uses": USES,
        }
        certificate = signed(**{"key": self.key, **options, **otherwise})
        self.stem.with_suffix(".crt").write_bytes(certificate)
        private = (key or self.key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.stem.with_suffix(".key").write_bytes(private)
        self.stem.parent.chmod(0o700)
        for suffix in (".crt", ".key"):
            self.stem.with_suffix(suffix).chmod(0o600)

    @property
    def serves(self) -> bool:
        return bool(serves(str(self.stem), NAMES, self.authority, 60))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_one_that_is_as_it_should_be_serves(kept: Kept) -> None:
    assert kept.serves
    assert serves(str(kept.stem), [NAMES[0], *reversed(NAMES)], kept.authority, 60)  # in whatever order


@pytest.mark.parametrize(
    "otherwise",
    [
        {"days": 59},
        {"names": NAMES[:2]},
        {"names": [*NAMES, "192.0.2.2"]},
        {"names": []},
        {"subject": "data2"},
        {"uses": USES[:1]},
        {"uses": []},
        {"issuer": "another"},
        {"by": new_key()},
        {"key": new_key()},
    ],
)
def test_one_that_differs_in_something_does_not(kept: Kept, otherwise: dict[str, Any]) -> None:
    kept.keep(**otherwise)
    assert not kept.serves


@pytest.mark.parametrize("suffix", ["", ".crt", ".key"])
def test_one_that_others_can_read_does_not(kept: Kept, suffix: str) -> None:
    path = kept.stem.with_suffix(suffix) if suffix else kept.stem.parent
    path.chmod(path.stat().st_mode | 0o040)
    assert not kept.serves


def test_one_with_another_curve_does_not(kept: Kept) -> None:
    kept.key = ec.generate_private_key(ec.SECP384R1())
    kept.keep()
    assert not kept.serves


@pytest.mark.parametrize("suffix", [".crt", ".key"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nbroken"])
def test_one_that_is_not_there_or_broken_does_not(kept: Kept, suffix: str, content: bytes | None) -> None:
    file = kept.stem.with_suffix(suffix)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert not kept.serves
