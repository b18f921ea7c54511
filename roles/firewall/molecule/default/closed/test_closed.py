"""In the end what is no longer named is closed."""

from collections.abc import Callable

Knock = Callable[..., str]


def test_the_new_one_answers_alone(knock: Knock) -> None:
    assert [knock("a", port) for port in (8080, 8081)] == ["dropped", "open"]
