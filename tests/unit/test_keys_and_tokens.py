from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st
from jose import jwk, jwt

from app.auth.signing import TokenSigner
from app.common.files import Reread
from app.common.keys import PrivateKey, read_private_key, read_public_keys, thumbprint
from app.common.tokens import Identity, InvalidTokenError, TokenVerifier, _decoded
from tests.forging import TRICKS, encoded, forge


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[PrivateKey]:
    """Two private keys, and the bundle of their public halves beside them."""
    folder = tmp_path_factory.mktemp("keys")
    bundle, private = b"", []
    for number in range(2):
        key = rsa.generate_private_key(65537, 2048)
        path = folder / f"{number}.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        bundle += key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        private.append(read_private_key(path))
    (folder / "bundle.pem").write_bytes(bundle)
    bundles.append(folder / "bundle.pem")
    return private


bundles: list[Path] = []


def token_of(key: PrivateKey, user: str = "anna") -> str:
    return TokenSigner(lambda: key, "me", "you", 60).token(user, "session")


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    """The example of RFC 7638, 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi"
        "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnY"
        "b9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0"
        "Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert thumbprint(n, "AQAB") == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_bundle_gives_every_key_under_its_own_id(keys: list[PrivateKey]) -> None:
    public = read_public_keys(bundles[-1])
    assert list(public) == [key.public.kid for key in keys]
    for kid, key in public.items():
        assert key.jwk["kid"] == kid
        assert "d" not in key.jwk


def test_the_published_key_verifies_what_the_private_key_signed(keys: list[PrivateKey]) -> None:
    token = token_of(keys[0])
    published = jwk.construct(keys[0].public.jwk, "RS256")
    claims = jwt.decode(token, published, algorithms=["RS256"], audience="you", issuer="me")
    assert claims["sub"] == "anna"
    assert claims["exp"] - claims["iat"] == 60
    assert jwt.get_unverified_header(token)["kid"] == keys[0].public.kid


def test_a_key_that_was_read_signs_what_its_public_half_verifies(keys: list[PrivateKey]) -> None:
    key = read_private_key(bundles[-1].with_name("1.pem"))
    assert key.public.kid == keys[1].public.kid
    assert jwk.construct(key.public.jwk, "RS256").verify(b"text", key.key.sign(b"text"))


def identity(verifier: TokenVerifier, token: str) -> Identity:
    return verifier.identity(token.encode())


def test_two_tokens_are_never_the_same(keys: list[PrivateKey]) -> None:
    assert token_of(keys[0]) != token_of(keys[0])


def test_tokens_of_the_old_and_the_new_key_are_both_good_while_keys_change(keys: list[PrivateKey]) -> None:
    verifier = TokenVerifier(read_public_keys(bundles[-1]), "me", "you")
    for key in keys:
        assert identity(verifier, token_of(key))[:2] == ("anna", "session")


def test_a_token_whose_key_was_taken_away_is_refused(keys: list[PrivateKey]) -> None:
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    with pytest.raises(InvalidTokenError):
        identity(verifier, token_of(keys[1]))


def test_a_token_that_was_verified_once_still_expires(
    keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    token = token_of(keys[0])
    assert identity(verifier, token)[:2] == identity(verifier, token)[:2] == ("anna", "session")
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(InvalidTokenError):
        identity(verifier, token)


def test_the_memory_for_verified_tokens_has_an_end(
    keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.common.tokens._REMEMBERED", 3)
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    for number in range(5):
        identity(verifier, token_of(keys[0], str(number)))
    assert len(verifier._verified) == 3


@pytest.mark.parametrize("how", [*TRICKS, "wrong sid"])
def test_a_forged_token_is_refused(keys: list[PrivateKey], how: str) -> None:
    ours = keys[0]
    verifier = TokenVerifier({ours.public.kid: ours.public}, "taskyard", "taskyard", {"other"})
    pem = bundles[-1].read_bytes()
    assert identity(verifier, forge(ours, pem, "nothing", "anna"))[:2] == ("anna", "x")
    with pytest.raises(InvalidTokenError) as refused:
        identity(verifier, forge(ours, pem, how, "anna"))
    assert refused.value.status == 401
    assert refused.value.detail == "the access token is missing, expired or not valid here"
    assert refused.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}


@given(st.binary())
@example(b"\0\0\x17")  # AAAX
def test_what_is_spelt_in_the_one_way_is_read(content: bytes) -> None:
    assert _decoded(encoded(content)) == content


@given(st.text())
def test_no_other_text_is_read(text: str) -> None:
    try:
        content = _decoded(text)
    except ValueError:
        return
    assert encoded(content) == text


def test_a_token_is_refused_at_the_second_in_which_it_expires(
    keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    token = token_of(keys[0])
    identity(verifier, token)
    expires = jwt.get_unverified_claims(token)["exp"]
    monkeypatch.setattr(time, "time", lambda: expires - 0.001)
    identity(verifier, token)
    monkeypatch.setattr(time, "time", lambda: float(expires))
    with pytest.raises(InvalidTokenError):
        identity(verifier, token)


def test_a_token_is_verified_once_and_remembered_the_oldest_is_forgotten_first(
    keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.common.tokens._REMEMBERED", 2)
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    tokens = [token_of(keys[0], str(number)) for number in range(3)]
    for token in tokens:
        identity(verifier, token)
    verifier.keys = {}  # from here on only what is remembered is good
    with pytest.raises(InvalidTokenError):
        identity(verifier, tokens[0])
    assert [identity(verifier, token).user_id for token in tokens[1:]] == ["1", "2"]


def test_a_token_of_4096_characters_is_looked_at_and_a_longer_one_is_not(
    keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    looked_at: list[int] = []

    def look(segment: str) -> bytes:
        looked_at.append(len(segment))
        raise ValueError

    monkeypatch.setattr("app.common.tokens._decoded", look)
    for length in (4096, 4097):
        with pytest.raises(InvalidTokenError):
            identity(verifier, "x" * length)
    assert looked_at == [4096]


def test_the_published_key_has_what_rfc_7517_asks_for(keys: list[PrivateKey]) -> None:
    published = next(iter(read_public_keys(bundles[-1]).values())).jwk
    assert {**published, "n": "", "kid": ""} == {
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "", "n": "", "e": "AQAB",
    }  # fmt: skip
    assert published["kid"] == thumbprint(published["n"], published["e"])
    assert len(published["n"]) == 342


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nonsense", "is not an unencrypted PEM private key"),
        ("encrypted", "is not an unencrypted PEM private key"),
        ("elliptic", "is not an RSA key"),
        ("1024 bits", "holds an RSA key of 1024 bits: at least 2048 are needed"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_private_key_is_refused_with_its_reason(
    tmp_path: Path, content: bytes | str | None, reason: str
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else pem_of(content))
    with pytest.raises(ValueError, match=f"^{re.escape(str(file))} {re.escape(reason)}$"):
        read_private_key(file)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no PEM public key"),
        ("elliptic", "holds a private key: this service must not have one"),
        ("public elliptic", "holds a key that is not RSA"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds a key that cannot be read"),
        ("public 1024 bits", "holds an RSA key of 1024 bits: at least 2048 are needed"),
    ],
)
def test_what_is_no_public_key_is_refused_with_its_reason(
    tmp_path: Path, content: bytes | str, reason: str
) -> None:
    file = tmp_path / "keys.pem"
    file.write_bytes(content if isinstance(content, bytes) else pem_of(content))
    with pytest.raises(ValueError, match=f"^{re.escape(str(file))} {re.escape(reason)}$"):
        read_public_keys(file)


def pem_of(kind: str) -> bytes:
    """A key that these services do not take."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if "elliptic" in kind
        else rsa.generate_private_key(65537, 1024)
    )
    if kind.startswith("public"):
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    locked = BestAvailableEncryption(b"secret") if kind == "encrypted" else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


def test_a_session_that_was_ended_is_refused_even_if_its_token_is_remembered(keys: list[PrivateKey]) -> None:
    ended: set[str] = set()
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you", ended)
    token = token_of(keys[0])
    identity(verifier, token)
    ended.add("session")
    with pytest.raises(InvalidTokenError):
        identity(verifier, token)
    ended.clear()
    assert identity(verifier, token).user_id == "anna"


def test_exchanged_keys_hold_at_once_for_remembered_tokens_as_well(keys: list[PrivateKey]) -> None:
    first, second = ({key.public.kid: key.public} for key in keys)
    verifier = TokenVerifier(first, "me", "you")
    identity(verifier, token_of(keys[0]))
    verifier.use(second)
    with pytest.raises(InvalidTokenError):
        identity(verifier, token_of(keys[0]))
    assert identity(verifier, token_of(keys[1])).user_id == "anna"


@pytest.mark.anyio
async def test_a_file_is_read_again_when_it_changed_and_what_cannot_be_read_changes_nothing(
    keys: list[PrivateKey], tmp_path: Path
) -> None:
    file = tmp_path / "public.pem"
    blocks = bundles[-1].read_text().split("-----END PUBLIC KEY-----\n")
    file.write_text(blocks[0] + "-----END PUBLIC KEY-----\n")
    verifier = TokenVerifier({}, "me", "you")
    reread = Reread([file], lambda: verifier.use(read_public_keys(file)))
    assert identity(verifier, token_of(keys[0])).user_id == "anna"
    await reread.look()
    with pytest.raises(InvalidTokenError):
        identity(verifier, token_of(keys[1]))
    for half in (b"half a key", bundles[-1].read_bytes()[:-60]):
        file.write_bytes(half)
        with pytest.raises(
            ValueError, match=r"holds no PEM public key|holds what is no whole PEM public key"
        ):
            await reread.look()
        assert identity(verifier, token_of(keys[0])).user_id == "anna"
    file.write_bytes(bundles[-1].read_bytes())
    await reread.look()
    for key in keys:
        assert identity(verifier, token_of(key)).user_id == "anna"
    file.unlink()
    with pytest.raises(FileNotFoundError):
        await reread.look()
    assert identity(verifier, token_of(keys[0])).user_id == "anna"


@pytest.mark.anyio
async def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    file, seen = tmp_path / "file", []
    file.write_text("old")

    def read() -> None:
        seen.append(file.read_text())
        if len(seen) == 1:
            file.write_text("newer")

    reread = Reread([file], read)
    for _ in range(3):
        await reread.look()
    assert seen == ["old", "newer"]
