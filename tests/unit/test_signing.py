"""The signing side: which keys there are, what a token says, and whether any of it changes by mistake."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwt

from app.auth.signing import SigningKeys, TokenSigner
from app.common.keys import read_private_key
from tools.local_stack import public_half


def new_key(path: Path) -> bytes:
    """Write a private key, and return the PEM of its public half."""
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.write_bytes(pem)
    return public_half(pem)


def test_a_token_says_who_for_whom_since_when_and_until_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = new_key(tmp_path / "key.pem")
    keys = SigningKeys(tmp_path / "key.pem", None)
    signer = TokenSigner(lambda: keys.signing, "me", "you", 60)
    now = int(time.time())
    monkeypatch.setattr(time, "time", lambda: now + 0.9)
    token = signer.token("anna", "session")
    claims = jwt.decode(token, public.decode(), "RS256", audience="you", issuer="me")
    # 16 random bytes are 22 characters.
    assert len(claims.pop("jti")) == 22
    assert claims == {
        "iss": "me", "aud": "you", "sub": "anna", "sid": "session", "iat": now, "exp": now + 60,
    }  # fmt: skip
    header = {"alg": "RS256", "kid": keys.signing.public.kid, "typ": "JWT"}
    assert jwt.get_unverified_header(token) == header
    assert signer.ttl_seconds == 60
    shorter = jwt.decode(signer.token("anna", "session", 30), public.decode(), "RS256", audience="you")
    assert shorter["exp"] == now + 30


def test_one_key_alone_signs_and_is_published(tmp_path: Path) -> None:
    new_key(tmp_path / "key.pem")
    keys = SigningKeys(tmp_path / "key.pem", None)
    assert keys.files == [tmp_path / "key.pem"]
    assert keys.jwks == {"keys": [keys.signing.public.jwk]}


def test_other_keys_are_published_after_the_one_that_signs(tmp_path: Path) -> None:
    new_key(tmp_path / "key.pem")
    (tmp_path / "others.pem").write_bytes(new_key(tmp_path / "other.pem"))
    keys = SigningKeys(tmp_path / "key.pem", tmp_path / "others.pem")
    assert keys.files == [tmp_path / "key.pem", tmp_path / "others.pem"]
    other = read_private_key(tmp_path / "other.pem").public
    assert keys.jwks == {"keys": [keys.signing.public.jwk, other.jwk]}
    assert list(keys.verifying) == [keys.signing.public.kid, other.kid]


def test_keys_are_read_again_together_or_stay_as_they_were(tmp_path: Path) -> None:
    new_key(tmp_path / "key.pem")
    (tmp_path / "others.pem").write_bytes(new_key(tmp_path / "other.pem"))
    keys = SigningKeys(tmp_path / "key.pem", tmp_path / "others.pem")
    signing, published = keys.signing, keys.jwks
    new_key(tmp_path / "key.pem")
    (tmp_path / "others.pem").write_text("half a key")
    with pytest.raises(ValueError, match="holds no PEM public key"):
        keys.read()
    assert keys.signing is signing
    assert keys.jwks == published
    (tmp_path / "others.pem").write_bytes(new_key(tmp_path / "other.pem"))
    keys.read()
    assert {key["kid"] for key in keys.jwks["keys"]}.isdisjoint(key["kid"] for key in published["keys"])
    assert keys.signing.public.kid == keys.jwks["keys"][0]["kid"]
