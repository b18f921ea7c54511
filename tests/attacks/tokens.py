"""Tokens that are forged, stolen from elsewhere, written in another way, or put where no token belongs."""

from __future__ import annotations

from functools import cache

from app.common.keys import read_private_key
from tests.attacks.attack import Attack, Chapter, Scene, request
from tests.attacks.targets import AUTH, GATEWAY, TASKS
from tests.attacks.wire import Exchange
from tests.forging import HEADERS, NONE, SPELLINGS, forge

_key = cache(read_private_key)  # reading one takes longer than all else that an attack does

_PATHS = {GATEWAY: "/tasks", TASKS: "/tasks", AUTH: "/auth/me"}
_ALL = dict.fromkeys(_PATHS, 401)

_FORGED = {
    **{
        f"alg {name!r}": (
            f'A token without a signature whose header says `alg: "{name}"`',
            "RS256 is what is verified, whatever the token says (RFC 8725, 3.1)",
        )
        for name in NONE
    },
    "alg none with our signature": (
        "`alg: none`, and a signature of the real key",
        "the algorithm is pinned before the signature is looked at",
    ),
    "an empty signature": ("A good token, without its signature", "nothing is signed"),
    "HS256 with the public key": (
        "A token signed by HMAC, with the public key as the secret",
        "the key verifies RSA and nothing else (RFC 8725, 2.1)",
    ),
    "another algorithm's name": (
        "`alg: RS512` over a signature of RS256",
        "one algorithm, not a family of them",
    ),
    "a changed claim": ("A good token with another `sub`", "the signature is not over these claims"),
    "another key under our key id": (
        "A token signed by the forger's RSA key, with the `kid` of ours",
        "`kid` chooses a key, it does not bring one",
    ),
    "the forger's key within (jwk)": (
        "A token signed by the forger's key, which is in its header (`jwk`)",
        "keys come from our own files alone",
    ),
    "an unknown key id": ("A `kid` that nobody has", "an unknown key is no key"),
    "a key id that is a path": ("A `kid` like `../../../../dev/null`", "`kid` is looked up, never opened"),
    "no key id": ("A token without `kid`", "no key is tried for luck"),
    "a key id that is no text": ("A `kid` that is a list", "it names no key"),
    "expired": ("A token that expired a minute ago", "its time is over (RFC 7519, 4.1.4)"),
    "not yet valid": ("A token with `nbf` in ten minutes", "its time has not come (RFC 7519, 4.1.5)"),
    "wrong aud": ("A token of ours for another audience", "it was made for somebody else (RFC 7519, 4.1.3)"),
    "wrong iss": ("A token of another issuer", "not ours (RFC 7519, 4.1.1)"),
    "a name twice in the header": (
        "A signed token whose header has `alg` twice, `none` first",
        "another reader may believe the other one (RFC 7515, 4)",
    ),
    "a name twice in the claims": (
        "A signed token whose claims have `sub` twice",
        "another reader may believe the other one (RFC 7519, 4)",
    ),
    "a header that is a list": ("A signed token whose header is a JSON list", "a header is an object"),
    **dict.fromkeys(HEADERS, ("", "keys come from our own files alone; nothing is fetched")),
    "a critical extension": (
        "A signed token whose header has a `crit` extension",
        "who does not understand it has to refuse (RFC 7515, 4.1.11)",
    ),
    "a payload that is not encoded (b64)": (
        "A signed token with `b64: false`",
        "who does not understand it has to refuse (RFC 7797, 6)",
    ),
    **dict.fromkeys(
        SPELLINGS, ("", "a token has one spelling (RFC 7515, 2): else one that is blocked has others")
    ),
    "a fourth part": ("A good token and one point more", "a token has three parts"),
    "a point within the payload": ("A good token with two points in a row", "a token has three parts"),
    **{
        f"without {claim}": (
            f"A signed token without `{claim}`",
            "auth writes all of them: it is not one of ours",
        )
        for claim in ("aud", "iss", "exp", "iat", "sub", "jti", "sid")
    },
}


def _with_token(how: str, to: str) -> Attack:
    sent, why = _FORGED[how]

    def make(scene: Scene) -> bytes:
        pem = scene.target.public_keys()
        token = forge(_key(scene.target.private_key), pem, how, scene.person.id)
        return scene.fill(request(f"GET {_PATHS[to]}", f"Authorization: Bearer {token}", signed_in=False))

    return Attack(how, sent or f"A token with {how}", make, {to: 401}, why)


def _everywhere(
    name: str, sent: str, *headers: str, why: str, path: str = "", status: int = 401
) -> list[Attack]:
    def line(to: str) -> str:
        return f"GET {_PATHS[to]}{path}"

    return [
        Attack(name, sent, request(line(to), *headers, signed_in=False), {to: status}, why) for to in _PATHS
    ]


def _refresh(scene: Scene) -> bytes:
    email, password = _account(scene)
    registered = scene.person.gateway.post("/auth/register", json={"email": email, "password": password})
    assert registered.status_code == 201
    token = _signed_in(scene)["refresh_token"]
    return request("GET /tasks", f"Authorization: Bearer {token}", signed_in=False)


def _account(scene: Scene) -> tuple[str, str]:
    return f"{scene.word}@example.org", f"a good one {scene.word}"


def _signed_in(scene: Scene) -> dict[str, str]:
    email, password = _account(scene)
    answer = scene.person.gateway.post("/auth/login", data={"username": email, "password": password})
    return dict(answer.json())


def _account_goes(scene: Scene, exchange: Exchange) -> None:
    """A cluster would keep it."""
    headers = {"Authorization": f"Bearer {_signed_in(scene)['access_token']}"}
    assert scene.person.gateway.delete("/auth/me", headers=headers).status_code == 204


def _long(length: int) -> str:
    return "x" * length


CHAPTER = Chapter(
    "Tokens",
    "Every one of them is refused in the same words: the difference would help only a forger.",
    [
        *(_with_token(how, to) for how in _FORGED for to in _PATHS),
        Attack(
            "a refresh token",
            "A refresh token in the place of an access token",
            _refresh,
            {GATEWAY: 401},
            "it is good for new tokens and for nothing else (RFC 9700, 4.14)",
            _account_goes,
        ),
        *_everywhere(
            "a token of 5000 characters",
            "A token of 5000 characters",
            f"Authorization: Bearer {_long(5000)}",
            why="more than 4096 are not looked at: reading costs time",
        ),
        Attack(
            "a token of 9000 characters",
            "A token of 9000 characters",
            request("GET /tasks", f"Authorization: Bearer {_long(9000)}", signed_in=False),
            {GATEWAY: 400},
            "the gateway lets no header line of more than 8 KiB through",
        ),
        Attack(
            "two tokens, the good one first",
            "Two `Authorization` headers, the first of them good",
            request("GET /tasks", "Authorization: Bearer x"),
            {GATEWAY: 400, TASKS: 401},
            "another reader may believe the other one (RFC 9110, 5.3): none is believed",
        ),
        Attack(
            "two tokens, the good one last",
            "Two `Authorization` headers, the last of them good",
            request(
                "GET /tasks", "Authorization: Bearer x", "Authorization: Bearer @TOKEN@", signed_in=False
            ),
            {GATEWAY: 400, TASKS: 401},
            "as above",
        ),
        Attack(
            "two tokens in one header",
            "`Authorization: Bearer x, Bearer <good>`",
            request("GET /tasks", "Authorization: Bearer x, Bearer @TOKEN@", signed_in=False),
            {GATEWAY: 401, TASKS: 401},
            "that is no token",
        ),
        *_everywhere(
            "a token in the query",
            "A good token as `?access_token=`",
            path="?access_token=@TOKEN@",
            why="addresses are logged and passed on (RFC 9700, 4.3.2)",
        ),
        *_everywhere(
            "a token in a cookie",
            "A good token as `Cookie: access_token=`",
            "Cookie: access_token=@TOKEN@; Authorization=Bearer @TOKEN@",
            why="a browser would send it along for anybody's page (CSRF)",
        ),
        *_everywhere(
            "another scheme",
            "`Authorization: Token <good>`",
            "Authorization: Token @TOKEN@",
            why="the scheme is Bearer (RFC 6750, 2.1)",
        ),
        *_everywhere(
            "bytes that are no text",
            "`Authorization: Bearer` and bytes of no encoding",
            "Authorization: Bearer \udcff\udcfe\udc80",
            why="that is no token",
        ),
        Attack(
            "a token behind the body",
            "The token in the trailer of a chunked body",
            request(
                "POST /tasks", "Content-Type: application/json", "Transfer-Encoding: chunked", signed_in=False
            )
            + b'd\r\n{"title":"x"}\r\n0\r\nAuthorization: Bearer @TOKEN@\r\n\r\n',
            {GATEWAY: 401, TASKS: 401},
            "what comes behind the body is no header (RFC 9110, 6.5.1)",
        ),
    ],
)
