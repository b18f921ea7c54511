"""Ansible filter: whether a certificate that is kept on the controller still serves: no module is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID


def _as_name(text: str) -> str:
    """An address or a name, written as certificates have it."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def certificate_serves(kept: str, names: Iterable[str], authority: str, days: int) -> bool:
    """Whether <kept>.crt is this authority's, for these names and <kept>.key, and good for so many days more.

    What is not there or cannot be read does not serve.
    """
    wanted = list(names)
    try:
        certificate = x509.load_pem_x509_certificate(Path(f"{kept}.crt").read_bytes())
        key = load_pem_private_key(Path(f"{kept}.key").read_bytes(), password=None)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        certificate.public_key() == key.public_key()
        and {str(each.value) for each in alternatives} == set(map(_as_name, wanted))
        and [each.value for each in common] == wanted[:1]
        and certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=days)
    )


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., bool]]:
        """The filters by name."""
        return {"certificate_serves": certificate_serves}
