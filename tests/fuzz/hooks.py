"""What schemathesis loads (`SCHEMATHESIS_HOOKS`): who sends its requests, and what they were answered.

The requests end sessions, change passwords and delete accounts, those of the run too. So whoever is refused
(401) signs in again, with a new account if need be, and the request is sent once more: every operation is
asked by somebody who may.
"""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from schemathesis.auths import AuthProvider, CachingAuthProvider
from schemathesis.wfc.escalation import EscalatingAuthProvider

from tests.api.accounts import bearer, login, new_email, register
from tests.api.people import client

PEERS = ("anna", "ben")
answers: dict[str, Counter[int]] = {}


class Someone:
    """An account. Another one takes its place when nobody can sign in to it any more."""

    def __init__(self, auth: httpx.Client) -> None:
        self._auth = auth
        self._email = new_email()

    def get(self, _case: schemathesis.Case[Any], _context: schemathesis.AuthContext) -> str:
        answer = login(self._auth, self._email)
        if answer.status_code == 401:
            self._email = new_email()
            assert register(self._auth, self._email).status_code == 201
            answer = login(self._auth, self._email)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def set(self, case: schemathesis.Case[Any], token: str, _context: schemathesis.AuthContext) -> None:
        case.headers.update(bearer(token))


@schemathesis.hook
def after_load_schema(_context: schemathesis.HookContext, schema: schemathesis.BaseSchema) -> None:
    """Two people, neither of whom may see what the other has (the check object_level_authorization)."""
    auth = client(os.environ["FUZZ_AUTH_URL"])
    people: list[AuthProvider[Any]] = [CachingAuthProvider(Someone(auth)) for _ in PEERS]
    schema.auth.providers.append(EscalatingAuthProvider(people, list(PEERS), peers=PEERS, pinned=PEERS[0]))


@schemathesis.hook
def after_call(
    _context: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response
) -> None:
    answers.setdefault(case.operation.label, Counter())[response.status_code] += 1


@atexit.register
def _write_answers() -> None:
    Path(os.environ["FUZZ_ANSWERS"]).write_text(json.dumps(answers), encoding="utf-8")
