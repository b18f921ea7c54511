"""Requests whose end two readers may see in two places, and what is not quite HTTP."""

from __future__ import annotations

from tests.attacks.attack import Attack, Chapter, Scene, both, gateway, request
from tests.attacks.targets import GATEWAY, TASKS
from tests.attacks.wire import Exchange

_JSON = "Content-Type: application/json"
_CHUNKED = "Transfer-Encoding: chunked"
_KEEP = "Connection: keep-alive"
# What would be another request, were the first one read as shorter than it is. It must be in no log.
HIDDEN = b"GET /tasks/hidden-@WORD@ HTTP/1.1\r\nHost: x\r\n\r\n"
_END = b"0\r\n\r\n"
_TWO_LENGTHS = "two lengths for one body are none (RFC 9112, 6.3)"
_NO_LENGTH = "a body whose length is unknown is not guessed at (RFC 9112, 6.3)"
_NO_HEADER = "that is no header line (RFC 9112, 5.1)"
_NO_CHUNK = "that is no chunk (RFC 9112, 7.1)"


def _post(*headers: str, body: bytes = _END + HIDDEN) -> bytes:
    return request("POST /tasks", _KEEP, _JSON, *headers, body=body)


def _framed(
    name: str,
    sent: str,
    why: str,
    *headers: str,
    body: bytes = _END + HIDDEN,
    at: tuple[int, int] = (400, 400),
) -> Attack:
    return Attack(name, sent, _post(*headers, body=body), both(*at), why)


def _get(*headers: str) -> bytes:
    return request("GET /tasks", *headers)


def _one_list(scene: Scene, exchange: Exchange) -> None:
    assert exchange.answers[0].json() == []


def _no_switch(scene: Scene, exchange: Exchange) -> None:
    assert exchange.answers[0].header("Upgrade") is None


_HIDDEN_CHUNK = b"%x\r\n%s\r\n" % (len(HIDDEN) - len("@WORD@") + 16, HIDDEN)

CHAPTER = Chapter(
    "Where a request ends",
    "Behind each stands another request, `GET /tasks/hidden-…`. Who sees the end elsewhere would answer it:"
    " nobody does.",
    [
        _framed(
            "CL and TE",
            "`Content-Length` and `Transfer-Encoding`",
            _TWO_LENGTHS,
            "Content-Length: 4",
            _CHUNKED,
        ),
        _framed(
            "TE and CL",
            "The same, the other way round",
            _TWO_LENGTHS,
            _CHUNKED,
            "Content-Length: 4",
            body=_HIDDEN_CHUNK + _END,
        ),
        _framed(
            "two lengths",
            "`Content-Length` twice, different",
            _TWO_LENGTHS,
            "Content-Length: 2",
            "Content-Length: 44",
            body=b"{}" + HIDDEN,
        ),
        _framed(
            "one length twice",
            "`Content-Length` twice, the same",
            "who may take it may refuse it (RFC 9112, 6.3)",
            "Content-Length: 2",
            "Content-Length: 2",
            body=b"{}" + HIDDEN,
        ),
        _framed(
            "a list of lengths",
            "`Content-Length: 2, 2`",
            _TWO_LENGTHS,
            "Content-Length: 2, 2",
            body=b"{}" + HIDDEN,
        ),
        *(
            _framed(
                f"a length like {length}",
                f"`Content-Length: {length}`",
                "a length is digits (RFC 9110, 8.6)",
                f"Content-Length: {length}",
                body=b"{}" + HIDDEN,
            )
            for length in ("+2", "-2", "0x2", "2.0", "2 2", "9" * 30)
        ),
        *(
            _framed(
                f"TE {coding}",
                f"`Transfer-Encoding: {coding}`",
                _NO_LENGTH,
                f"Transfer-Encoding: {coding}",
                at=(501, 400),
            )
            for coding in ("xchunked", "chunked, identity", "identity", "\x0bchunked")
        ),
        _framed(
            "TE twice",
            "`Transfer-Encoding` twice: `chunked`, `identity`",
            _NO_LENGTH,
            _CHUNKED,
            "Transfer-Encoding: identity",
        ),
        _framed(
            "TE gzip",
            "`Transfer-Encoding: gzip, chunked`",
            "nothing is inflated on the way",
            "Transfer-Encoding: gzip, chunked",
            body=_END,
            at=(501, 422),
        ),
        _framed(
            "TE and a space",
            "`Transfer-Encoding : chunked`",
            _NO_HEADER,
            "Transfer-Encoding : chunked",
            "Content-Length: 4",
        ),
        _framed(
            "TE folded",
            "`Transfer-Encoding:` and its value on the next line",
            "folding is refused (RFC 9112, 5.2)",
            "Transfer-Encoding:\r\n chunked",
            "Content-Length: 4",
        ),
        _framed(
            "TE indented",
            "A space in front of `Transfer-Encoding`",
            "folding is refused (RFC 9112, 5.2)",
            " Transfer-Encoding: chunked",
            "Content-Length: 4",
        ),
        _framed("CL with a NUL", "`Content-Length: 2` and a NUL", _NO_HEADER, "Content-Length: 2\x00"),
        _framed(
            "TE underlined",
            "`Transfer_Encoding: chunked` beside a length",
            "another name is another header",
            "Transfer_Encoding: chunked",
            f"Content-Length: {len(_HIDDEN_CHUNK + _END) + 10}",
            body=_HIDDEN_CHUNK + _END,
            at=(400, 400),
        ),
        Attack(
            "TE in HTTP/1.0",
            "A chunked body in HTTP/1.0",
            _post(_CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
            gateway(400),
            "chunks came with HTTP/1.1 (RFC 9112, 6.1)",
        ),
        *(
            _framed(
                f"a chunk of {size}",
                f"A chunk whose length is `{size}`",
                _NO_CHUNK,
                _CHUNKED,
                body=f"{size}\r\n{{}}\r\n".encode() + _END + HIDDEN,
            )
            for size in ("-1", "0x2", "+2", "10000000000000002", "g")
        ),
        _framed(
            "a chunk that is longer than it says",
            "A chunk of 5 bytes that says 2",
            _NO_CHUNK,
            _CHUNKED,
            body=b"2\r\n{}{}}\r\n" + _END + HIDDEN,
        ),
        Attack(
            "a body that a GET does not need",
            "A `GET` with a body that is a request",
            lambda scene: scene.fill(request("GET /tasks", _KEEP, body=scene.fill(HIDDEN))),
            both(200),
            "it has a length, so it is a body, of one request",
            _one_list,
        ),
        Attack(
            "line ends without CR, for the gateway",
            "A whole request with bare LF",
            _get().replace(b"\r\n", b"\n"),
            {GATEWAY: 200, TASKS: 400},
            "the gateway reads and rewrites it (RFC 9112, 2.2); a service refuses",
        ),
        Attack(
            "a folded token",
            "`Authorization: Bearer` and the token on the next line",
            request("GET /tasks", "Authorization: Bearer\r\n @TOKEN@", signed_in=False),
            both(400),
            "folding is refused (RFC 9112, 5.2)",
        ),
        Attack(
            "CR within a header",
            "`X-A: b\\rX-Request-ID: …`",
            _get("X-A: b\rX-Request-ID: @WORD@"),
            both(400),
            "a bare CR ends no line and is no text (RFC 9112, 2.2)",
        ),
        Attack("NUL within a header", "`X-A: a\\0b`", _get("X-A: a\x00b"), both(400), _NO_HEADER),
        Attack("NUL within a header's name", "`X\\0A: a`", _get("X\x00A: a"), both(400), _NO_HEADER),
        Attack(
            "a space in front of the first header",
            "A first header line that is indented",
            b"GET /tasks HTTP/1.1\r\n X-A: b\r\nHost: x\r\nConnection: close\r\n\r\n",
            both(400),
            "folding is refused (RFC 9112, 2.2)",
        ),
        Attack(
            "HTTP/0.9",
            "`GET /tasks` and nothing else",
            b"GET /tasks\r\n",
            gateway(0),
            "who speaks no HTTP/1 cannot read our answers, or is another protocol that was led here",
            said="an error without a head, closed",
        ),
        Attack(
            "HTTP/2 by name",
            "`GET /tasks HTTP/2.0` in plain text",
            request("GET /tasks").replace(b"HTTP/1.1", b"HTTP/2.0"),
            gateway(505),
            "not spoken here",
        ),
        Attack(
            "HTTP/2 at once",
            "HTTP/2's connection preface",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            both(400),
            "not spoken here",
        ),
        Attack(
            "an upgrade to HTTP/2",
            "`Upgrade: h2c`, and HTTP/2 behind it",
            request(
                "GET /tasks",
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABk",
            )
            + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            gateway(200),
            "the offer is not taken (RFC 9110, 7.8), and not passed on; what follows is refused",
            _no_switch,
            answers=2,
        ),
        Attack(
            "an upgrade to a WebSocket",
            "`Upgrade: websocket`, which would open a tunnel",
            request(
                "GET /tasks",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ),
            both(200),
            "the offer is not taken: there is no tunnel to hide in",
            _no_switch,
        ),
        Attack(
            "TLS at the plain port",
            "The beginning of a TLS handshake",
            b"\x16\x03\x01\x02\x00\x01\x00" + bytes(500),
            both(400),
            "that is no HTTP",
        ),
        Attack("nonsense", "Two thousand NULs", bytes(2000), both(400), "that is no HTTP"),
    ],
)
