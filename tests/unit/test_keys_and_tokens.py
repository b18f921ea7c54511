from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jose import jwk, jwt

from app.auth.signing import TokenSigner
from app.common.files import Reread
from app.common.keys import PrivateKey, read_private_key, read_public_keys, thumbprint
from app.common.tokens import InvalidTokenError, TokenVerifier


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


def test_two_tokens_are_never_the_same(keys: list[PrivateKey]) -> None:
    assert token_of(keys[0]) != token_of(keys[0])


def test_tokens_of_the_old_and_the_new_key_are_both_good_while_keys_change(keys: list[PrivateKey]) -> None:
    verifier = TokenVerifier(read_public_keys(bundles[-1]), "me", "you")
    for key in keys:
        assert verifier.identity(token_of(key)) == ("anna", "session")


def test_a_token_whose_key_was_taken_away_is_refused(keys: list[PrivateKey]) -> None:
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    with pytest.raises(InvalidTokenError):
        verifier.identity(token_of(keys[1]))


def test_a_token_that_was_verified_once_still_expires(
    keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    token = token_of(keys[0])
    assert verifier.identity(token) == verifier.identity(token) == ("anna", "session")
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(InvalidTokenError):
        verifier.identity(token)


def test_the_memory_for_verified_tokens_has_an_end(
    keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.common.tokens._REMEMBERED", 3)
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you")
    for number in range(5):
        verifier.identity(token_of(keys[0], str(number)))
    assert len(verifier._verified) == 3  # noqa: SLF001


def test_a_session_that_was_ended_is_refused_even_if_its_token_is_remembered(keys: list[PrivateKey]) -> None:
    ended: set[str] = set()
    verifier = TokenVerifier({keys[0].public.kid: keys[0].public}, "me", "you", ended)
    token = token_of(keys[0])
    verifier.identity(token)
    ended.add("session")
    with pytest.raises(InvalidTokenError):
        verifier.identity(token)
    ended.clear()
    assert verifier.identity(token).user_id == "anna"


def test_exchanged_keys_hold_at_once_for_remembered_tokens_as_well(keys: list[PrivateKey]) -> None:
    first, second = ({key.public.kid: key.public} for key in keys)
    verifier = TokenVerifier(first, "me", "you")
    verifier.identity(token_of(keys[0]))
    verifier.use(second)
    with pytest.raises(InvalidTokenError):
        verifier.identity(token_of(keys[0]))
    assert verifier.identity(token_of(keys[1])).user_id == "anna"


@pytest.mark.anyio
async def test_a_file_is_read_again_when_it_changed_and_what_cannot_be_read_changes_nothing(
    keys: list[PrivateKey], tmp_path: Path
) -> None:
    file = tmp_path / "public.pem"
    blocks = bundles[-1].read_text().split("-----END PUBLIC KEY-----\n")
    file.write_text(blocks[0] + "-----END PUBLIC KEY-----\n")
    verifier = TokenVerifier(read_public_keys(file), "me", "you")
    reread = Reread([file], lambda: verifier.use(read_public_keys(file)))
    await reread.look()
    with pytest.raises(InvalidTokenError):
        verifier.identity(token_of(keys[1]))
    file.write_text("half a key")
    with pytest.raises(ValueError, match="holds no PEM public key"):
        await reread.look()
    assert verifier.identity(token_of(keys[0])).user_id == "anna"
    file.write_bytes(bundles[-1].read_bytes())
    await reread.look()
    for key in keys:
        assert verifier.identity(token_of(key)).user_id == "anna"
    file.unlink()
    with pytest.raises(FileNotFoundError):
        await reread.look()
    assert verifier.identity(token_of(keys[0])).user_id == "anna"
