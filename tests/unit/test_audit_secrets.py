"""The search for secrets: what it looks for, what it finds, and what it makes of that."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.audit.searching import HISTORY, find, here, in_output, planted_here
from tests.audit.secret_places import misplaced
from tests.audit.secret_search import CANARY, judged_run, without_canary
from tests.audit.secret_values import Secret, patterns_of, secrets_of

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
KEYS: dict[str, tuple[Key, PrivateFormat]] = {
    "rsa": (rsa.generate_private_key(65537, 2048), PrivateFormat.TraditionalOpenSSL),
    "rsa, PKCS 8": (rsa.generate_private_key(65537, 2048), PrivateFormat.PKCS8),
    "ec": (ec.generate_private_key(ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL),
    "ec, PKCS 8": (ec.generate_private_key(ec.SECP256R1()), PrivateFormat.PKCS8),
    "ed25519": (ed25519.Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_known_by_lines_that_no_public_half_and_no_other_key_has(kind: str) -> None:
    key, form = KEYS[kind]
    pem = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    patterns = set(patterns_of(pem))
    assert patterns
    assert patterns <= set(pem.splitlines())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert not patterns & set(public.splitlines())
    assert not any("BEGIN" in pattern or len(pattern) < 8 for pattern in patterns)
    others: dict[str, Key] = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    other = others[kind.split(",", maxsplit=1)[0]]
    assert not patterns & set(other.private_bytes(Encoding.PEM, form, NoEncryption()).decode().splitlines())


def test_a_password_is_looked_for_as_urls_and_json_write_it() -> None:
    assert set(patterns_of('a/b "c"\n')) == {'a/b "c"', "a%2Fb%20%22c%22", 'a/b \\"c\\"'}


def test_a_part_of_a_long_secret_gives_it_away() -> None:
    long = secrets.token_hex(300)
    assert set(patterns_of(long)) == {long[:64], long[-64:]}


def test_what_is_public_is_no_secret(tmp_path: Path) -> None:
    key, _ = KEYS["ec"]
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "jwt_last_public_key.pem").write_bytes(public)
    (tmp_path / "ssh_key.pub").write_text("ssh-ed25519 AAAA taskyard")
    (tmp_path / "jwt_rotation_unfinished").touch()
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates" / "password").write_text("a very good one\n")
    (found,) = secrets_of(tmp_path)
    assert found.name == "certificates/password"
    assert "a very good one" not in repr(found)


def test_a_search_finds_what_is_there_and_names_it(tmp_path: Path) -> None:
    one, two = (Secret(name, frozenset({secrets.token_hex(16)})) for name in ("one", "two"))
    (pattern,) = one.patterns
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file.bin").write_bytes(b"\0\xff" + pattern.encode() + b"\0")
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets" / "one").write_text(pattern)
    found = find(here, [one, two], [], [str(tmp_path)])
    assert found == {str(tmp_path / "deep" / "file.bin"): {"one"}}
    assert find(here, [two], [], [str(tmp_path)]) == {}


def test_a_planted_word_is_found_in_files_and_in_gits_history_and_is_gone_afterwards(tmp_path: Path) -> None:
    word = secrets.token_hex(16)
    bird = Secret(CANARY, frozenset({word}))
    with planted_here(word, [tmp_path]) as (places, git):
        found = find(lambda *asked: here(*asked, **git), [bird], [HISTORY], [str(tmp_path)])
    assert found.keys() == places
    assert len(places) == 2
    assert find(here, [bird], [HISTORY], [str(tmp_path)]) == {}


def test_a_search_that_does_not_find_the_canary_has_failed() -> None:
    found = {"/tmp/a": {CANARY}, "/tmp/b": {CANARY, "one"}}
    rest, missed = without_canary(found, {"/tmp/a", "the journal"})
    assert rest == {"/tmp/b": {"one"}}
    assert missed == ["the search has not found the canary in the journal"]


KEYFILE = "/etc/mongodb/keyfile"


@pytest.mark.parametrize(
    ("found", "mode", "said"),
    [
        ({KEYFILE: {"mongodb_keyfile"}}, 0o400, []),
        ({}, 0o400, [f"mongodb_keyfile is not in {KEYFILE}: has the search seen it?"]),
        ({KEYFILE: {"mongodb_keyfile"}}, 0o644, [f"{KEYFILE} can be read by all (0644)"]),
        (
            {KEYFILE: {"mongodb_keyfile", "jwt_private_key.pem"}, "the journal": {"mongodb_keyfile"}},
            0o400,
            [f"jwt_private_key.pem is in {KEYFILE}", "mongodb_keyfile is in the journal"],
        ),
    ],
)
def test_a_secret_is_where_it_belongs_and_nowhere_else(
    found: dict[str, set[str]], mode: int, said: list[str]
) -> None:
    known = {"mongodb_keyfile", "jwt_private_key.pem"}
    assert list(misplaced("data1", {"mongodb"}, known, found, {KEYFILE: mode})) == said


def test_a_secret_does_not_belong_on_machines_of_other_groups() -> None:
    found = {KEYFILE: {"mongodb_keyfile"}}
    said = list(misplaced("app1", {"task_service"}, {"mongodb_keyfile"}, found, {KEYFILE: 0o400}))
    assert said == [f"mongodb_keyfile is in {KEYFILE}"]


BIRD, ONE = Secret(CANARY, frozenset({"tweet"})), Secret("one", frozenset({"hush"}))
RUN = ["PLAY [Services] ***", "TASK [redis : Write it] ***", "  invocation:", "PLAY RECAP ***", "tweet"]


def test_a_run_that_prints_a_secret_is_told_by_the_task() -> None:
    assert judged_run(0, RUN, [ONE], BIRD).outcome == "passed"
    leaking = [*RUN[:3], "-    password: hush", *RUN[3:]]
    assert in_output(leaking, [ONE]) == {"TASK [redis : Write it]": {"one"}}
    row = judged_run(0, leaking, [ONE], BIRD)
    assert row.wrong == ("one is printed below TASK [redis : Write it]",)
    assert "hush" not in repr(row)


@pytest.mark.parametrize("lacking", ["tweet", "PLAY RECAP ***", "  invocation:"])
def test_a_run_that_was_not_searched_or_not_done_has_failed(lacking: str) -> None:
    assert judged_run(0, [line for line in RUN if line != lacking], [ONE], BIRD).outcome == "FAILED"
    assert judged_run(2, RUN, [ONE], BIRD).outcome == "FAILED"
