"""How `make audit` tells what came of its checks, and how it reaches the machines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.audit.__main__ import surely
from tests.audit.report import Row, sorted_out, table
from tests.audit.site import ssh_config
from tools.cluster.shell import StopError

PASSED = Row("One", "a check", "0 findings")
WAIVED = Row("One", "another", "1 finding", waived=(("this", "It is wanted so."),))
UNKNOWN = Row("Two", "a third", "0 of 1", not_checked="nobody answers")
FAILED = Row("Two", "a fourth", "1 finding", wrong=("that is wrong",), waived=(("that", "It is wanted so."),))


def test_a_row_says_what_came_of_its_check() -> None:
    rows = [PASSED, WAIVED, UNKNOWN, FAILED]
    assert [row.outcome for row in rows] == ["passed", "waived", "not checked", "FAILED"]


def test_a_waiver_is_for_its_id_alone() -> None:
    wrong, waived = sorted_out([("a", "a is so"), ("b", "b is so")], {"a": "It is wanted so."})
    assert wrong == ("b is so",)
    assert waived == (("a is so", "It is wanted so."),)


def test_the_table_has_groups_and_each_reason_once() -> None:
    text = table([PASSED, WAIVED, UNKNOWN, FAILED])
    lines = text.splitlines()
    assert [line for line in lines if line in ("One", "Two")] == ["One", "Two"]
    assert "  a check     passed       0 findings" in lines
    assert "  Two, a fourth: that is wrong" in lines
    assert "  Two, a third: nobody answers" in lines
    assert text.count("It is wanted so.") == 1
    assert "  this, that" in lines


def test_a_table_without_faults_says_nothing_of_them() -> None:
    assert "FAILED" not in table([PASSED])


def test_a_check_that_crashes_or_says_nothing_has_failed(capsys: pytest.CaptureFixture[str]) -> None:
    def crashing() -> Iterator[Row]:
        yield PASSED
        raise ValueError("it broke")

    first, last = surely(crashing(), "One")
    assert first is PASSED
    assert (last.outcome, last.wrong) == ("FAILED", ("ValueError: it broke",))
    assert "Traceback" in capsys.readouterr().out
    (nothing,) = surely([], "One")
    assert nothing.outcome == "FAILED"


def test_ssh_reaches_a_machine_as_ansible_does() -> None:
    facts = {"host": "10.0.0.1", "port": 2222, "user": "deploy", "key": "/k"}
    arguments = ["-o", "StrictHostKeyChecking=no", "-oLogLevel=ERROR", "-J", "jump@10.0.0.9"]
    lines = list(ssh_config("app1", {**facts, "ssh_arguments": arguments}))
    assert lines[:5] == [
        "Host app1",
        "  HostName 10.0.0.1",
        "  Port 2222",
        "  User deploy",
        "  IdentityFile /k",
    ]
    assert lines[5:8] == ["  StrictHostKeyChecking no", "  LogLevel ERROR", "  ProxyJump jump@10.0.0.9"]
    with pytest.raises(StopError, match="write it as -o Name=value"):
        list(ssh_config("app1", {**facts, "ssh_arguments": ["-F", "/x"]}))
