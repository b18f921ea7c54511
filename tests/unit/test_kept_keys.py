"""Whether the keys that are kept on the controller are as they would be made; and public halves."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tools.packages import ROOT


def filter_of(file: str, name: str) -> Callable[..., Any]:
    """A filter of Ansible's by its name."""
    spec = importlib.util.spec_from_file_location(f"{name}_filter", ROOT / file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = module.FilterModule().filters()[name]
    return found


ca_serves = filter_of("roles/ca/filter_plugins/ca.py", "ca_serves")
signing_key_is_kept = filter_of("roles/signing_key/filter_plugins/signing_key.py", "signing_key_is_kept")
public_half = filter_of("playbooks/filter_plugins/keys.py", "public_half")
Key = ec.EllipticCurvePrivateKey
AS_MADE: dict[str, Any] = {"name": "CA", "ca": True, "length": 0, "signs": True, "critical": True}


def authority(key: Key, *, name: str, ca: bool, length: int | None, signs: bool, critical: bool) -> bytes:
    """A certificate that is its own issuer's."""
    own = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "encipher_only", "decipher_only"),
        ),
        False,
    )
    builder = x509.CertificateBuilder(
        own, own, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=30)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca, length), critical=critical)
    builder = builder.add_extension(x509.KeyUsage(key_cert_sign=signs, crl_sign=True, **usage), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def private(key: Key | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def keep(folder: Path, key: Key, certificate: bytes) -> None:
    folder.chmod(0o700)
    (folder / "ca_certificate.pem").write_bytes(certificate)
    (folder / "ca_private_key.pem").write_bytes(private(key))
    (folder / "ca_private_key.pem").chmod(0o600)


@pytest.fixture
def key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def test_an_authority_that_is_as_it_is_made_serves(tmp_path: Path, key: Key) -> None:
    keep(tmp_path, key, authority(key, **AS_MADE))
    assert ca_serves(str(tmp_path), "CA")


@pytest.mark.parametrize(
    "otherwise",
    [
        {"name": "another"},
        {"ca": False, "length": None},
        {"length": 1},
        {"signs": False},
        {"critical": False},
    ],
)
def test_one_that_is_another_does_not(tmp_path: Path, key: Key, otherwise: dict[str, Any]) -> None:
    keep(tmp_path, key, authority(key, **AS_MADE | otherwise))
    assert not ca_serves(str(tmp_path), "CA")


def test_nor_one_whose_key_is_another(tmp_path: Path, key: Key) -> None:
    keep(tmp_path, ec.generate_private_key(ec.SECP256R1()), authority(key, **AS_MADE))
    assert not ca_serves(str(tmp_path), "CA")


@pytest.mark.parametrize("name", ["ca_certificate.pem", "ca_private_key.pem"])
@pytest.mark.parametrize("content", [None, b"", b"no PEM"])
def test_nor_one_of_which_a_part_is_missing_or_broken(
    tmp_path: Path, key: Key, name: str, content: bytes | None
) -> None:
    keep(tmp_path, key, authority(key, **AS_MADE))
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    assert not ca_serves(str(tmp_path), "CA")


@pytest.mark.parametrize(("name", "mode"), [("ca_private_key.pem", 0o640), (".", 0o750)])
def test_nor_one_that_others_can_read(tmp_path: Path, key: Key, name: str, mode: int) -> None:
    keep(tmp_path, key, authority(key, **AS_MADE))
    (tmp_path / name).chmod(mode)
    assert not ca_serves(str(tmp_path), "CA")


def kept_signing_key(folder: Path) -> Path:
    file = folder / "jwt_private_key.pem"
    file.write_bytes(private(rsa.generate_private_key(65537, 2048)))
    file.chmod(0o600)
    folder.chmod(0o700)
    return file


def test_a_signing_key_of_its_owner_alone_is_kept(tmp_path: Path) -> None:
    assert signing_key_is_kept(str(kept_signing_key(tmp_path)))


@pytest.mark.parametrize(("name", "mode"), [("jwt_private_key.pem", 0o604), (".", 0o701)])
def test_one_that_others_can_reach_is_not(tmp_path: Path, name: str, mode: int) -> None:
    file = kept_signing_key(tmp_path)
    (tmp_path / name).chmod(mode)
    assert not signing_key_is_kept(str(file))


@pytest.mark.parametrize("content", [b"", b"no PEM"])
def test_nor_one_that_is_broken_or_missing(tmp_path: Path, content: bytes) -> None:
    file = kept_signing_key(tmp_path)
    file.write_bytes(content)
    assert not signing_key_is_kept(str(file))
    file.unlink()
    assert not signing_key_is_kept(str(file))


def test_the_public_half_is_the_keys_own() -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert public_half(private(key).decode()) == public.decode()


@pytest.mark.parametrize(
    "text", ["", "no PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_has_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        public_half(text)
