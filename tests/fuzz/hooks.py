"""What schemathesis loads (`SCHEMATHESIS_HOOKS`): who sends its requests, and what they were answered.

The requests end sessions, change passwords and delete accounts, those of the run too. Whoever has lost a
session signs in again, with a new account if need be: every operation is asked by somebody who may.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.auths import CachingAuthProvider
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.wfc.escalation import EscalatingAuthProvider

from app.auth.models import EXAMPLE_REFRESH, EXAMPLE_SESSION
from app.tasks.idempotency import KEY_PATTERN
from app.tasks.models import EXAMPLE_ID
from tests.api.accounts import bearer, login, new_email, register
from tests.api.people import client

PEERS = ("anna", "ben")

# Why a request that fits its schema is refused: by operation, and by the pointer to the fault, if it has one.
_ACCOUNT = {
    # Which addresses can exist (the library's words: the length, which the schema has, is not among them).
    "/body/email": "@-sign|email address",
    # The passwords that everybody tries first are a list.
    "/body/password": "^is among the first that anybody would try; choose another one$",
}
# A condition is about the task as it is now.
_CONDITION = {"": "^the task has been changed since: read it again, then decide$"}
NO_SCHEMA_CAN_SAY = {
    "POST /auth/register": _ACCOUNT,
    "PATCH /auth/me": _ACCOUNT,
    # A cursor is made by the answer before, for the same order.
    "GET /tasks": {"/query/cursor": "^is not the cursor of a page that was answered here$"},
    "PATCH /tasks/{task_id}": _CONDITION,
    "DELETE /tasks/{task_id}": _CONDITION,
}

# After these one has to sign in again. At a 401 schemathesis does it by itself, but not in chains of calls.
ENDING = {
    "POST /auth/logout",
    "POST /auth/logout-all",
    "DELETE /auth/sessions/{session_id}",
    "DELETE /auth/me",
}

gateway = client(os.environ["FUZZ_GATEWAY_URL"])
numbers = itertools.count()
people: list[CachingAuthProvider[str]] = []
answers: dict[str, Counter[int]] = {}


class Someone:
    """An account. Another one takes its place when nobody can sign in to it any more."""

    def __init__(self) -> None:
        self._email = new_email()

    def tokens(self) -> dict[str, str]:
        answer = login(gateway, self._email)
        if answer.status_code == 401:
            self._email = new_email()
            assert register(gateway, self._email).status_code == 201
            answer = login(gateway, self._email)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json()
        return tokens

    def get(self, _case: schemathesis.Case[Any], _context: schemathesis.AuthContext) -> str:
        return self.tokens()["access_token"]

    def set(self, case: schemathesis.Case[Any], token: str, _context: schemathesis.AuthContext) -> None:
        case.headers.update(bearer(token))


refreshing = Someone()


@schemathesis.hook
def after_load_schema(_context: schemathesis.HookContext, schema: schemathesis.BaseSchema) -> None:
    """Two people, neither of whom may see what the other has (the check object_level_authorization)."""
    people.extend(CachingAuthProvider(Someone()) for _ in PEERS)
    schema.auth.providers.append(EscalatingAuthProvider([*people], list(PEERS), peers=PEERS, pinned=PEERS[0]))


@schemathesis.hook
def before_call(
    _context: schemathesis.HookContext, case: schemathesis.Case[Any], _options: dict[str, Any]
) -> None:
    """What examples name is there. No two requests have one Idempotency-Key: they would be refused for it."""
    headers = {"Authorization": case.headers.get("Authorization", "")}
    if case.body == {"refresh_token": EXAMPLE_REFRESH}:
        case.body = {"refresh_token": refreshing.tokens()["refresh_token"]}
    if case.path_parameters.get("task_id") == EXAMPLE_ID:
        answer = gateway.post("/tasks", headers=headers, json={"title": "An example"})
        if answer.is_success:  # not for those who send no good token, on purpose
            case.path_parameters["task_id"] = answer.json()["id"]
    if case.path_parameters.get("session_id") == EXAMPLE_SESSION:
        answer = gateway.get("/auth/sessions", headers=headers)
        if answer.is_success:
            case.path_parameters["session_id"] = answer.json()[-1]["id"]
    key = case.headers.get("Idempotency-Key", "")
    if re.fullmatch(KEY_PATTERN, key):
        text = key.strip('"')
        case.headers["Idempotency-Key"] = key.replace(text, f"{text[:240]}{next(numbers)}")


@schemathesis.hook
def after_call(
    _context: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response
) -> None:
    answers.setdefault(case.operation.label, Counter())[response.status_code] += 1
    if case.operation.label in ENDING and response.status_code == 204:
        for person in people:
            person.invalidate()


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """Keep a failure, unless it is that a request was refused for known reasons alone."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    found = {error["pointer"]: error["detail"] for error in problem.get("errors", ())}
    reasons = NO_SCHEMA_CAN_SAY.get(case.operation.label, {})
    return not all(
        re.search(reasons.get(pointer, "(?!)"), detail)
        for pointer, detail in (found or {"": problem["detail"]}).items()
    )


@atexit.register
def _write_answers() -> None:
    Path(os.environ["FUZZ_ANSWERS"]).write_text(json.dumps(answers), encoding="utf-8")
