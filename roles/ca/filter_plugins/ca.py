"""Ansible filter: whether the authority on the controller is as it would be made: no module is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def ca_serves(folder: str, name: str) -> bool:
    """Whether <folder>/ca_certificate.pem is an authority's of this name, and of the key beside it.

    What is not there or cannot be read does not serve, nor what tasks/main.yml would make otherwise, or a key
    or a folder that others can read.
    """
    # Here: every process that runs a task loads every filter, and few of them need this, which is large.
    from cryptography import x509  # noqa: PLC0415 - as said above
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - as said above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as said above
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - as said above

    place, key_file = Path(folder), Path(folder) / "ca_private_key.pem"
    try:
        certificate = x509.load_pem_x509_certificate((place / "ca_certificate.pem").read_bytes())
        certificate.verify_directly_issued_by(certificate)
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        is_private = not any(each.stat().st_mode & 0o077 for each in (place, key_file))
    except (OSError, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return (
        is_private
        and certificate.public_key() == key.public_key()
        and [each.value for each in names] == [name]
        and (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
        and usage.critical
        and usage.value.key_cert_sign
        and usage.value.crl_sign
    )


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., bool]]:
        """The filters by name."""
        return {"ca_serves": ca_serves}
