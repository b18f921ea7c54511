"""Keys that change while everybody works: nobody is signed out, nothing is restarted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.common.keys import read_private_key, read_public_keys
from tests.api.accounts import SignedIn, bearer, sign_up
from tests.api.conftest import eventually
from tests.api.people import client
from tests.forging import foreign_key
from tools.local_stack import LocalStack, public_half, wait_until_ready


@pytest.fixture
def keys(faults: LocalStack) -> Iterator[LocalStack]:
    """The stack's key files, for a test that exchanges them."""
    before = {file: file.read_bytes() for file in (faults.private_key, faults.public_keys)}
    yield faults
    for file, content in before.items():
        file.write_bytes(content)
    if not faults.auth[0].running:
        faults.auth[0].start()
        wait_until_ready(faults.auth_url, faults.auth[0])
    (kid,) = read_public_keys(faults.public_keys)
    eventually(lambda: all(known(url)["keys"] == [kid] for url in (faults.auth_url, *faults.task_urls)))


def known(url: str) -> dict[str, Any]:
    """What an instance says about its keys."""
    with client(url) as opened:
        facts: dict[str, Any] = opened.get("/readyz").json()
        return facts


def test_keys_are_rotated_without_signing_anybody_out_or_restarting_anything(
    keys: LocalStack, gateway: httpx.Client, tmp_path: Path
) -> None:
    anna = sign_up(gateway)
    processes = [process.pid for process in (*keys.auth, *keys.tasks)]
    everywhere = (keys.auth_url, *keys.task_urls)
    new = foreign_key()
    (tmp_path / "new.pem").write_text(new)
    new_kid = read_private_key(tmp_path / "new.pem").public.kid
    (old_kid,) = read_public_keys(keys.public_keys)

    keys.public_keys.write_bytes(keys.public_keys.read_bytes() + public_half(new.encode()))
    for url in everywhere:
        eventually(lambda url: known(url)["keys"] == sorted([old_kid, new_kid]), url)
    assert kids(gateway) == {old_kid, new_kid}
    assert known(keys.auth_url)["signing_key"] == old_kid

    keys.private_key.write_text(new)
    eventually(lambda: known(keys.auth_url)["signing_key"] == new_kid)
    renewed = SignedIn(gateway, anna.email, anna.exchange().json())
    ben = sign_up(gateway)
    for url in keys.task_urls:
        for somebody in (anna, renewed, ben):
            assert list_at(url, somebody) == 200

    keys.public_keys.write_bytes(public_half(new.encode()))
    for url in everywhere:
        eventually(lambda url: known(url)["keys"] == [new_kid], url)
    for url in keys.task_urls:
        assert [list_at(url, somebody) for somebody in (anna, renewed, ben)] == [401, 200, 200]
    assert anna.call("GET", "/auth/me").status_code == 401
    assert renewed.exchange().status_code == 200
    assert [process.pid for process in (*keys.auth, *keys.tasks)] == processes


def test_new_keys_get_to_the_task_instances_while_auth_is_down(
    keys: LocalStack, gateway: httpx.Client
) -> None:
    anna = sign_up(gateway)
    keys.auth[0].kill()
    (old_kid,) = read_public_keys(keys.public_keys)
    keys.public_keys.write_bytes(keys.public_keys.read_bytes() + public_half(foreign_key().encode()))
    for url in keys.task_urls:
        eventually(lambda url: len(known(url)["keys"]) == 2, url)
        assert list_at(url, anna) == 200
    assert old_kid in known(keys.task_urls[0])["keys"]


def test_half_a_file_changes_nothing(keys: LocalStack, gateway: httpx.Client) -> None:
    anna = sign_up(gateway)
    log = keys.tasks[0].log
    before = log.stat().st_size
    keys.public_keys.write_text("-----BEGIN PUBLIC KEY-----\nhalf")
    eventually(lambda: "cannot look" in log.read_text()[before:])
    for url in keys.task_urls:
        assert list_at(url, anna) == 200


def kids(gateway: httpx.Client) -> set[str]:
    return {key["kid"] for key in gateway.get("/auth/.well-known/jwks.json").json()["keys"]}


def list_at(url: str, somebody: SignedIn) -> int:
    with client(url) as opened:
        return opened.get("/tasks", headers=bearer(somebody.access)).status_code
