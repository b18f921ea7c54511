"""Passwords that are tried first, from zxcvbn's list (NIST SP 800-63B, 3.1.1.2, asks for such a check)."""

from zxcvbn.frequency_lists import FREQUENCY_LISTS

_COMMON: frozenset[str] = frozenset(FREQUENCY_LISTS["passwords"])


def is_common(password: str) -> bool:
    """Tell whether the password is a common one, or one character again and again."""
    return password.lower() in _COMMON or len(set(password)) == 1
