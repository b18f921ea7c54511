from __future__ import annotations

import pytest

from app.common.etags import Condition
from app.common.problems import ProblemError

TAG = '"1.a"'


@pytest.mark.parametrize(
    ("lines", "weakly", "strongly"),
    [
        (["*"], True, True),
        ([" * "], True, True),
        ([TAG], True, True),
        ([f"W/{TAG}"], True, False),
        (['"1.b"'], False, False),
        ([f'"x", {TAG}'], True, True),
        ([f'"x",{TAG},"y"'], True, True),
        ([f',, "x" ,\t, {TAG},'], True, True),
        (['"x"', TAG], True, True),
        (['"a,b", "*"'], False, False),
        (['""', '"\xe9"'], False, False),
    ],
)
def test_a_condition_holds_for_the_tags_that_it_names(
    lines: list[str],
    weakly: bool,
    strongly: bool,
) -> None:
    condition = Condition.parse("If-Match", lines)
    assert condition is not None
    assert condition.holds_weakly(TAG) is weakly
    assert condition.holds_strongly(TAG) is strongly


@pytest.mark.parametrize(
    "value",
    ["", "x", "1.a", "'a'", '"a', 'a"', '"a" "b"', 'w/"a"', 'W/ "a"', '"a b"', '"a"b', '*, "a"', "**"],
)
def test_what_is_no_list_of_tags_is_refused(value: str) -> None:
    with pytest.raises(ProblemError) as refused:
        Condition.parse("If-Match", [value])
    assert refused.value.status == 400


def test_without_the_header_there_is_no_condition() -> None:
    assert Condition.parse("If-Match", []) is None


@pytest.mark.parametrize("value", ["," * 8000, '"a",' * 2000 + "x", ('"a"' + " " * 4000) * 2])
def test_a_long_header_is_read_in_no_time(value: str) -> None:
    with pytest.raises(ProblemError):
        Condition.parse("If-Match", [value])
