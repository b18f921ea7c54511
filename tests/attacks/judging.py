"""What has to be true of the answer to an attack, whoever is attacked."""

from __future__ import annotations

import json

from tests.attacks.attack import Attack, Scene
from tests.attacks.targets import GATEWAY
from tests.attacks.wire import Answer, Exchange, exchange

SECONDS = 2


def judge(scene: Scene, attack: Attack, to: str) -> Exchange:
    """Send it, and say what came. Raises AssertionError when that is not what the table promises."""
    data = attack.request if isinstance(attack.request, bytes) else attack.request(scene)
    endpoint = scene.target.endpoint(to)
    seen = exchange(endpoint, scene.fill(data))
    if attack.status[to]:
        assert [answer.status for answer in seen.answers[:1]] == [attack.status[to]], seen
        assert len(seen.answers) == attack.answers, "one request, several answers"
        assert seen.rest == b""
        for answer in seen.answers:
            if answer.status >= 400:
                is_problem(answer, to)
    else:
        assert seen.answers == []
        assert json.loads(seen.rest)["status"] == 400
    assert seen.seconds < SECONDS
    attack.holds(scene, seen)
    assert scene.person.at(endpoint.url).get("/healthz").status_code == 200
    return seen


def is_problem(answer: Answer, to: str) -> None:
    assert answer.header("Content-Type") == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status
    if to == GATEWAY:
        assert problem["request_id"] == answer.header("X-Request-ID")
