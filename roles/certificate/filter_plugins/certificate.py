"""Ansible filter: whether a certificate that is kept on the controller still serves: no module is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path


def _as_name(text: str) -> str:
    """An address or a name, written as certificates have it."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def certificate_serves(kept: str, names: Iterable[str], authority: str, days: int) -> bool:
    """Whether <kept>.crt is this authority's, for these names and <kept>.key, and good for so many days more.

    What is not there or cannot be read does not serve, nor what tasks/main.yml would make otherwise, or what
    others can read.
    """
    # Here: every process that runs a task loads every filter, and few of them need this, which is large.
    from cryptography import x509  # noqa: PLC0415 - as said above
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - as said above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as said above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as said above
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415 - as said above

    wanted = list(names)
    files = [Path(f"{kept}.{ending}") for ending in ("crt", "key")]
    try:
        certificate = x509.load_pem_x509_certificate(files[0].read_bytes())
        key = load_pem_private_key(files[1].read_bytes(), password=None)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        signs = certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        is_private = not any(path.stat().st_mode & 0o077 for path in (files[0].parent, *files))
    except (OSError, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return (
        is_private
        and signs
        and set(uses) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
        and isinstance(key, ec.EllipticCurvePrivateKey)
        and isinstance(key.curve, ec.SECP256R1)
        and certificate.public_key() == key.public_key()
        and {str(each.value) for each in alternatives} == set(map(_as_name, wanted))
        and [each.value for each in common] == wanted[:1]
        and certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=days)
    )


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., bool]]:
        """The filters by name."""
        return {"certificate_serves": certificate_serves}
