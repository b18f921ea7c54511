"""Headers in which a client says who it is, what its request is called, or what a proxy should forget."""

from __future__ import annotations

import json
import time

from tests.attacks.attack import Attack, Chapter, Scene, both, gateway, request
from tests.attacks.targets import GATEWAY, TASKS
from tests.attacks.wire import Exchange

PATIENCE_SECONDS = 10
_CLIENT = "whose request it is, the connection says (RFC 7239, 8.1)"
_WORD_ONLY = "only a harmless word is taken over into logs and headers"


def logged(scene: Scene, identity: str) -> list[dict[str, object]]:
    """What the gateway and the services have in their logs for a request, once both have."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        lines = [line for line in scene.target.log_lines(identity) if b'"client"' in line]
        if len(lines) > 1:
            return [json.loads(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(f"{identity} is not in two logs")


def _client_is_known(scene: Scene, exchange: Exchange) -> None:
    assert exchange.answers[0].header("X-Request-ID") == scene.word
    assert {line["client"] for line in logged(scene, scene.word)} == {scene.target.client_address}


def _id_is_ours(scene: Scene, exchange: Exchange) -> None:
    identity = exchange.answers[0].header("X-Request-ID")
    assert identity
    assert len(identity) == 32
    assert set(identity) <= set("0123456789abcdef")
    assert logged(scene, identity)


def _id_is_kept(scene: Scene, exchange: Exchange) -> None:
    assert exchange.answers[0].header("X-Request-ID") == scene.word
    assert logged(scene, scene.word)


def _closed_to_pages(scene: Scene, exchange: Exchange) -> None:
    assert not any(name.lower() == "access-control-allow-origin" for name, _ in exchange.answers[0].headers)


def _whole(scene: Scene, exchange: Exchange) -> None:
    assert exchange.answers[0].json() == []


def _claim(header: str, value: str = "203.0.113.7") -> Attack:
    sent = request("GET /tasks", f"{header}: {value}", "X-Request-ID: @WORD@")
    return Attack(f"{header} {value}", f"`{header}: {value}`", sent, gateway(200), _CLIENT, _client_is_known)


def _named(name: str, sent: str, *values: str) -> Attack:
    headers = (f"X-Request-ID: {value}" for value in values)
    return Attack(name, sent, request("GET /tasks", *headers), gateway(200), _WORD_ONLY, _id_is_ours)


def _origin(value: str) -> Attack:
    sent = request("GET /tasks", f"Origin: {value}")
    why = "it is not one of the pages that may"
    return Attack(f"Origin {value}", f"`Origin: {value}`", sent, both(200), why, _closed_to_pages)


def _headers(name: str, sent: str, why: str, *headers: str, at: tuple[int, int] = (200, 200)) -> Attack:
    return Attack(name, sent, request("GET /tasks", *headers), {GATEWAY: at[0], TASKS: at[1]}, why)


CHAPTER = Chapter(
    "Who asks, and what a request is called",
    "What they claim is not believed: the gateway's log and the service's have the true client.",
    [
        _claim("X-Forwarded-For"),
        _claim("X-Forwarded-For", "127.0.0.1, 203.0.113.7"),
        _claim("X-Forwarded-For", '203.0.113.7","client":"203.0.113.7'),
        *(
            _claim(header)
            for header in ("X-Real-IP", "X-Client-IP", "True-Client-IP", "X_Forwarded_For", "Via")
        ),
        _claim("Forwarded", "for=203.0.113.7;by=203.0.113.7"),
        _named("an id that is JSON", '`X-Request-ID: "},{"status":200,"x":"`', '"},{"status":200,"x":"'),
        _named("an id with markup", "`X-Request-ID: <script>`", "<script>alert(1)</script>"),
        _named("an id with terminal codes", "`X-Request-ID: \\e[2J`", "\x1b[2J".replace("\x1b", "\udc9b")),
        _named("an id of 65 characters", "An `X-Request-ID` of 65 characters", "a" * 65),
        _named("an id of bytes", "An `X-Request-ID` of bytes that are no text", "\udcff\udcfe"),
        _named("an id with a line end", "`X-Request-ID: a%0d%0ab`", "a%0d%0ab"),
        Attack(
            "hop by hop",
            "`Connection: close, X-Request-ID, X-Forwarded-For, Authorization`",
            request(
                "GET /tasks",
                "Connection: close, X-Request-ID, X-Forwarded-For, Authorization",
                "X-Request-ID: @WORD@",
            ),
            gateway(200),
            "a client does not choose what the gateway tells the services",
            _client_is_known,
        ),
        Attack(
            "two ids",
            "`X-Request-ID` twice",
            request("GET /tasks", "X-Request-ID: @WORD@", "X-Request-ID: other"),
            gateway(200),
            "the gateway passes on one, the same that it logs",
            _id_is_kept,
        ),
        *map(
            _origin,
            (
                "https://evil.example",
                "null",
                "https://tasks.example.org.evil.example",
                "https://tasks.example.org:1",
                "http://tasks.example.org",
                "HTTPS://TASKS.EXAMPLE.ORG.",
            ),
        ),
        _headers(
            "a header of 9000 characters",
            "A header line of 9000 characters",
            "8 KiB are enough",
            "X-A: " + "a" * 9000,
            at=(400, 200),
        ),
        _headers(
            "20 000 headers",
            "20 000 headers",
            "the gateway reads 32 KiB of them",
            *(f"X-{n}: 1" for n in range(20_000)),
            at=(400, 200),
        ),
        _headers(
            "a thousand ranges",
            "`Range: bytes=0-,0-,…`, a thousand times",
            "no answer is repeated, none is cut",
            "Range: bytes=" + ",".join(["0-"] * 1000),
        ),
        _headers(
            "a thousand languages",
            "`Accept` and `Accept-Language` of 8000 characters",
            "nothing searches in them",
            "Accept: " + "a/b;q=0.1," * 780,
            "Accept-Language: " + "a;q=0.1," * 980,
        ),
        _headers(
            "a thousand tags",
            "`If-None-Match` of a thousand tags, weak ones and commas",
            "compared in one pass",
            "If-None-Match: " + 'W/"a",,' * 1000,
        ),
        _headers(
            "a thousand cookies",
            "`Cookie` of a thousand cookies",
            "there are no cookies here",
            "Cookie: " + "a=b; " * 1000,
        ),
        Attack(
            "Expect",
            "`Expect: 200-maybe`",
            request("GET /tasks", "Expect: 200-maybe"),
            both(200),
            "an expectation that is not known changes nothing (RFC 9110, 10.1.1)",
            _whole,
        ),
    ],
)
