"""Every attack of the table gets the answer that the table promises, and leaves nothing behind."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.api.people import client
from tests.attacks import slow, test_many_clients, test_slow_clients
from tests.attacks.attack import Attack, Scene
from tests.attacks.judging import judge
from tests.attacks.table import cases
from tests.attacks.targets import LocalTarget
from tools.local_stack import LocalStack

CASES = list(cases())


@pytest.mark.parametrize(("attack", "to"), [pytest.param(attack, to, id=name) for name, attack, to in CASES])
def test_an_attack_gets_its_answer(target: LocalTarget, scene: Scene, attack: Attack, to: str) -> None:
    written = {log: log.stat().st_size for log in target.logs()}
    judge(scene, attack, to)
    for log, before in written.items():
        assert f"hidden-{scene.word}".encode() not in log.read_bytes()[before:]


def test_no_two_attacks_have_one_name() -> None:
    assert [name for name, times in Counter(name for name, _, _ in CASES).items() if times > 1] == []


def test_every_attack_that_takes_more_than_one_request_has_its_test() -> None:
    known = {*vars(test_slow_clients), *vars(test_many_clients)}
    assert [proof.test for proof in slow.CHAPTER.proofs if proof.test not in known] == []


def test_what_was_attacked_still_works_and_every_line_of_its_logs_is_an_object(
    stack: LocalStack, target: LocalTarget, scene: Scene
) -> None:
    """The last one in this file: all of the above is in the logs."""
    assert scene.person.add("still here")["title"] == "still here"
    with client(stack.auth_url) as auth:
        assert auth.get("/auth/.well-known/jwks.json").status_code == 200
    for log in target.logs():
        for line in log.read_text(errors="replace").split("\n")[:-1]:
            assert isinstance(json.loads(line), dict), (log.name, line)
