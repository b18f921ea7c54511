"""The tag of a list, which is digested in small steps."""

from __future__ import annotations

import pytest

from app.tasks.representation import _AT_ONCE, _digest


@pytest.mark.parametrize("place", [0, _AT_ONCE - 1, _AT_ONCE, _AT_ONCE + 1, 2 * _AT_ONCE, 3 * _AT_ONCE - 1])
def test_each_byte_of_a_list_counts(place: int) -> None:
    body = bytes(3 * _AT_ONCE)
    assert _digest(body) != _digest(body[:place] + b"\1" + body[place + 1 :])


def test_parts_are_told_apart() -> None:
    found = [_digest(b"ab", b"c"), _digest(b"a", b"bc"), _digest(b"abc"), _digest(b"abc", b""), _digest()]
    assert len(set(found)) == len(found)
