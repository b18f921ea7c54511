"""Ansible filter: the public half of a key, without the whole of what a module says of keys."""

from __future__ import annotations

from collections.abc import Callable


def public_half(private_key: str) -> str:
    """The public key of a private one (PEM, RFC 7468). Raises ValueError when it is none."""
    # Here: every process that runs a task loads every filter, and few of them need this, which is large.
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as said above

    # That its numbers belong together was seen to when it was made; it is asked for many times in a run.
    key = serialization.load_pem_private_key(
        private_key.encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """The filters by name."""
        return {"public_half": public_half}
