"""Bodies that grow, nest, collide or are not what they are called."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable

from tests.attacks.attack import Attack, Chapter, Scene, both, request
from tests.attacks.targets import AUTH, GATEWAY
from tests.attacks.wire import Exchange

_JSON = "Content-Type: application/json"
_FORM = "Content-Type: application/x-www-form-urlencoded"
MIB = 1 << 20
# 200 MiB of zeros in 200 KiB.
_ZEROS = 200 * MIB
_NEVER_INFLATED = "nothing here inflates: there is nothing to blow up"


def _bomb(encoding: str) -> Attack:
    """Packed when it is sent: who only reads the table need not wait for it."""
    pack = {
        "gzip": lambda: gzip.compress(bytes(_ZEROS), 1),
        "deflate": lambda: zlib.compress(bytes(_ZEROS), 1),
        # To refuse these nobody has to read them.
        "br": lambda: bytes(1000),
        "zstd": lambda: bytes(1000),
    }[encoding]
    sent = f"200 MiB of zeros, `Content-Encoding: {encoding}`"
    return _body(
        f"a bomb, {encoding}", sent, 415, _NEVER_INFLATED, pack, _JSON, f"Content-Encoding: {encoding}"
    )


def _added_nothing(scene: Scene, exchange: Exchange) -> None:
    assert scene.person.titles() == []


def _body(
    name: str,
    sent: str,
    status: int,
    why: str,
    body: bytes | Callable[[], bytes],
    *headers: str,
    path: str = "/tasks",
) -> Attack:
    def make(scene: Scene) -> bytes:
        content = body if isinstance(body, bytes) else body()
        return scene.fill(request(f"POST {path}", *(headers or (_JSON,)), body=content))

    return Attack(name, sent, make, both(status), why, _added_nothing)


def _form(name: str, sent: str, status: int, why: str, body: Callable[[], bytes]) -> Attack:
    def make(scene: Scene) -> bytes:
        return scene.fill(request("POST /auth/login", _FORM, body=body(), signed_in=False))

    return Attack(name, sent, make, {GATEWAY: status, AUTH: status}, why)


def _names(form: str, between: str, size: int = MIB - 64) -> bytes:
    """As many different names as a mebibyte takes."""
    count = size // (len(form % 0) + 5 + len(between))
    return between.join(form % number for number in range(10_000, 10_000 + count)).encode()


CHAPTER = Chapter(
    "Bodies",
    "Each is refused within two seconds, on two cores that also attack; nothing is stored.",
    [
        *map(_bomb, ("gzip", "deflate", "br", "zstd")),
        _body(
            "packed twice",
            "`Content-Encoding: gzip, gzip`",
            415,
            _NEVER_INFLATED,
            b"{}",
            _JSON,
            "Content-Encoding: gzip, gzip",
        ),
        _body(
            "packed, it says later",
            "`Content-Encoding` twice: `identity`, `gzip`",
            415,
            "what one of them says is enough",
            lambda: gzip.compress(b'{"title":"x"}'),
            _JSON,
            "Content-Encoding: identity",
            "Content-Encoding: gzip",
        ),
        _body(
            "more than a mebibyte",
            "2 MiB",
            413,
            "no task is as large",
            lambda: b'{"title":"' + b"x" * 2 * MIB + b'"}',
        ),
        _body(
            "no end of chunks",
            "2 MiB in chunks, without a length",
            413,
            "counted as it arrives",
            lambda: (
                b"10000\r\n"
                + b" " * 65536
                + b"\r\n"
                + 32 * (b"10000\r\n" + b" " * 65536 + b"\r\n")
                + b"0\r\n\r\n"
            ),
            _JSON,
            "Transfer-Encoding: chunked",
        ),
        _body(
            "nested lists",
            "A mebibyte of `[`",
            400,
            "nested too deeply, and said so",
            lambda: b"[" * (MIB - 1),
        ),
        _body(
            "nested objects",
            'A mebibyte of `{"a":`',
            400,
            "nested too deeply, and said so",
            lambda: b'{"a":' * (MIB // 5 - 1),
        ),
        _body(
            "a million digits",
            "A number of a million digits",
            400,
            "a number has an end: Python's limit holds",
            lambda: b'{"title":"x","order":' + b"9" * (MIB - 99) + b"}",
        ),
        _body(
            "a fraction of a million digits",
            "`0.000…1`, a million digits",
            422,
            "read in one pass",
            lambda: b'{"order":0.' + b"0" * (MIB - 99) + b"1}",
        ),
        _body(
            "an exponent",
            "`1e999999999`",
            422,
            "infinity is no whole number",
            b'{"title":"x","order":1e999999999}',
        ),
        *(
            _body(
                f"{word}",
                f"`{word}` as a number",
                400,
                "JSON has no such number (RFC 8259, 6)",
                b'{"title":"x","order":' + word.encode() + b"}",
            )
            for word in ("NaN", "Infinity", "-Infinity", "0x10", "01")
        ),
        _body(
            "many items",
            "500 000 numbers for tags",
            422,
            "counted before they are looked at",
            lambda: b'{"title":"x","tags":[' + b",".join([b"1"] * 500_000) + b"]}",
        ),
        _body(
            "many tasks",
            "150 000 empty tasks at once",
            422,
            "500 at most, and 50 mistakes are listed at most",
            lambda: json.dumps([{}] * 150_000, separators=(",", ":")).encode(),
            path="/tasks/bulk",
        ),
        _body(
            "many names",
            "90 000 names in one object",
            400,
            "10 000 are enough for 500 tasks; a complaint about each takes longer than its sending",
            lambda: b"{" + _names('"%d":1', ",") + b"}",
        ),
        _body(
            "many names here and there",
            "90 000 names in 500 objects",
            400,
            "they are counted in the whole body",
            lambda: b"[{" + b"},{".join([_names('"%d":1', ",", 2000)] * 500) + b"}]",
            path="/tasks/bulk",
        ),
        Attack(
            "many names of a stranger",
            "The same without a token, to `POST /auth/register`",
            lambda scene: scene.fill(
                request(
                    "POST /auth/register", _JSON, body=b"{" + _names('"%d":1', ",") + b"}", signed_in=False
                )
            ),
            {GATEWAY: 400, AUTH: 400},
            "as above",
        ),
        _body(
            "colliding names",
            "Names that all begin and end alike",
            400,
            "hashes are salted for each process: nobody knows what collides",
            lambda: b"{" + _names('"\\u0000%d\\u0000":1', ",") + b"}",
        ),
        _body(
            "escapes",
            "A title of 170 000 `\\u0000`",
            422,
            "control characters are refused",
            lambda: b'{"title":"' + b"\\u0000" * 170_000 + b'"}',
        ),
        _body(
            "no UTF-8",
            "Bytes that are no UTF-8",
            400,
            "JSON is UTF-8 (RFC 8259, 8.1)",
            b'{"title":"\xff\xfe"}',
        ),
        _body(
            "UTF-7",
            "`charset=utf-7`",
            422,
            "a charset means nothing here (RFC 8259, 11): it is read as UTF-8, once",
            b'{"+AHQ-":"x"}',
            "Content-Type: application/json; charset=utf-7",
        ),
        _body(
            "one name twice",
            '`{"title":"x","title":"y"}`',
            400,
            "another reader may believe the other one (RFC 7493, 2.3)",
            b'{"title":"x","title":"y"}',
        ),
        _body(
            "an operator for a value",
            '`{"title":{"$gt":""}}`',
            422,
            "a title is text: no object gets to MongoDB",
            b'{"title":{"$gt":""}}',
        ),
        _body(
            "an operator for a name",
            '`{"title":"x","$where":"sleep(9e9)"}`',
            422,
            "unknown names are refused",
            b'{"title":"x","$where":"sleep(9e9)"}',
        ),
        _body(
            "somebody else's",
            "`owner` and `id` of somebody else",
            422,
            "unknown names are refused",
            b'{"title":"x","owner":"000000000000000000000000","id":"1"}',
        ),
        _body(
            "multipart",
            "A form with a file",
            415,
            "no route takes files",
            b"--x\r\n\r\n--x--\r\n",
            "Content-Type: multipart/form-data; boundary=x",
        ),
        _body(
            "a type of 8000 characters",
            "`Content-Type` of 8000 characters",
            415,
            "read in one pass",
            b"{}",
            "Content-Type: a/b" + ';x="' * 1990,
        ),
        _body(
            "XML",
            "XML with entities",
            415,
            "no route takes XML",
            b'<!DOCTYPE x [<!ENTITY a "&a;&a;">]><x>&a;</x>',
            "Content-Type: application/xml",
        ),
        _form(
            "many fields",
            "170 000 fields in the form for signing in",
            400,
            "a thousand are enough for any form",
            lambda: _names("%d=", "&"),
        ),
        _form(
            "one field many times",
            "500 000 times one field in the form",
            400,
            "a form has each field once",
            lambda: b"&".join([b"a"] * 500_000),
        ),
        _form(
            "an operator for a password",
            "`username[$ne]=x&password[$ne]=x`",
            422,
            "fields are text, unknown ones are refused",
            lambda: b"username[$ne]=x&password[$ne]=x",
        ),
        _form(
            "a long password",
            "A password of 900 KiB",
            401,
            "Argon2's work is in its memory: a long password takes no longer",
            lambda: b"username=a@example.org&password=" + b"x" * 900 * 1024,
        ),
    ],
)
