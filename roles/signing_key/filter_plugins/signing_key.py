"""Ansible filter: whether a private key is kept on the controller: no module is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def signing_key_is_kept(path: str) -> bool:
    """Whether there is a private key that only its owner can read, in a folder that is its owner's alone."""
    # Here: every process that runs a task loads every filter, and few of them need this, which is large.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as said above
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as said above

    file = Path(path)
    try:
        load_pem_private_key(file.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True)
        return not any(each.stat().st_mode & 0o077 for each in (file, file.parent))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return False


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., bool]]:
        """The filters by name."""
        return {"signing_key_is_kept": signing_key_is_kept}
