"""Paths, hosts and methods that mean one thing to the gateway and another to a service."""

from __future__ import annotations

import json

from tests.attacks.attack import Attack, Chapter, Scene, both, gateway, request
from tests.attacks.targets import AUTH
from tests.attacks.wire import Exchange

_INSIDE = "a service's own health routes are for the machines, not for clients"
_AS_IS = "no service resolves a path: the route is not there"


def _get(path: str) -> bytes:
    return request(f"GET {path}")


def _not_injected(scene: Scene, exchange: Exchange) -> None:
    assert not any("injected" in name.lower() for name, _ in exchange.answers[0].headers)


def _empty_list(scene: Scene, exchange: Exchange) -> None:
    assert exchange.answers[0].json() == []


def _our_own_address(scene: Scene, exchange: Exchange) -> None:
    answer = exchange.answers[0]
    url = scene.target.gateway_url
    assert answer.json()["url"].startswith(f"{url}/tasks/")
    assert (answer.header("Location") or "").startswith(f"{url}/tasks/")
    assert b"evil.example" not in json.dumps(answer.headers).encode() + answer.body


def _post(*headers: str, host: str = "evil.example") -> bytes:
    return request(
        "POST /tasks", "Content-Type: application/json", *headers, body=b'{"title":"x"}', host=host
    )


def _path(sent: str, why: str = _AS_IS, status: int = 404) -> Attack:
    return Attack(f"path {sent}", f"`GET {sent}`", _get(sent), gateway(status), why)


CHAPTER = Chapter(
    "Paths, hosts and methods",
    "The gateway chooses a service by the path as it is resolved, and passes on the path as it was sent.",
    [
        *(
            _path(path)
            for path in (
                "/tasks/../auth/me",
                "/tasks/%2e%2e/auth/me",
                "/tasks/..%2fauth/me",
                "/auth/..;/tasks",
                "/tasks/.",
                "//tasks",
                "/tasks//",
                "/tasks%2f",
                "/%74asks/..",
                "/tasks/%252e%252e/auth/me",
                "/auth/%c0%ae%c0%ae/tasks",
            )
        ),
        *(
            _path(path, "that is no path of the API")
            for path in (
                "/TASKS",
                "/tasks;a=b",
                "/tasks%20",
                "/tasks%0a",
                "/tasks\\..\\auth\\me",
                "/problem/400",
                "/@repeatable",
            )
        ),
        *(
            _path(path, _INSIDE)
            for path in (
                "/readyz",
                "/livez",
                "/tasks/../readyz",
                "/auth/%2e%2e/readyz",
                "/tasks%2f..%2freadyz",
                "/docs/..%2freadyz",
            )
        ),
        _path("/tasks/../../etc/passwd", "it climbs above the root", 400),
        _path("/docs/assets/..%2f..%2froutes.py", "assets are known by name, not opened by path"),
        _path("/tasks/%00", "NUL ends names in C", 400),
        _path("/tasks/%zz", "that is no percent encoding", 400),
        _path("/tasks /x", "a request line has three parts", 400),
        Attack(
            "a line end in the path",
            "`GET /tasks%0d%0aX-Injected:%20yes`",
            _get("/tasks%0d%0aX-Injected:%20yes"),
            gateway(404),
            "no answer repeats a path in a header",
            _not_injected,
        ),
        Attack(
            "a line end in the query",
            "`GET /tasks?q=x%0d%0aX-Injected:%20yes`",
            _get("/tasks?q=x%0d%0aX-Injected:%20yes"),
            both(422),
            "a word has no line end",
            _not_injected,
        ),
        Attack(
            "a long address",
            "An address of 9000 characters",
            _get("/tasks?q=" + "a" * 9000),
            gateway(414),
            "8 KiB are enough",
        ),
        Attack(
            "a method of 70 000 letters",
            "A method of 70 000 letters",
            request("A" * 70_000 + " /tasks"),
            gateway(414),
            "no more is read than a line can have",
        ),
        Attack(
            "absolute form",
            "`GET http://evil.example/tasks`",
            _get("http://evil.example/tasks"),
            both(200),
            "its path counts (RFC 9112, 3.2.2): nothing is fetched from there",
            _empty_list,
        ),
        Attack(
            "absolute form of a service",
            "`GET http://127.0.0.1:<port of auth>/readyz`",
            lambda scene: scene.fill(_get(f"{scene.target.endpoint(AUTH).url}/readyz")),
            gateway(404),
            "the gateway is no proxy for anybody's choice",
        ),
        Attack(
            "two hosts",
            "`Host` twice",
            request("GET /tasks", "Host: evil.example"),
            gateway(400),
            "a request has one host (RFC 9112, 3.2)",
        ),
        *(
            Attack(
                f"host {host!r}",
                f"`Host: {host}`",
                request("GET /tasks", host=host),
                gateway(400),
                "that is no host (RFC 9112, 3.2)",
            )
            for host in ("evil.example/tasks", "a b", "a\x01b")
        ),
        Attack(
            "no host",
            "No `Host`",
            request("GET /tasks", host=""),
            gateway(400),
            "a request has one host (RFC 9112, 3.2)",
        ),
        Attack(
            "another host",
            "A `POST` with `Host: evil.example`",
            _post(),
            both(201),
            "addresses in answers are the configured one (cache and reset poisoning)",
            _our_own_address,
        ),
        Attack(
            "another host, forwarded",
            "`X-Forwarded-Host`, `Forwarded: host=`, `X-Original-URL` of the attacker",
            _post(
                "X-Forwarded-Host: evil.example",
                "Forwarded: host=evil.example;proto=gopher",
                "X-Forwarded-Proto: gopher",
                "X-Original-URL: /auth/me",
                "X-Rewrite-URL: /auth/me",
                host="evil.example",
            ),
            both(201),
            "none of these is believed",
            _our_own_address,
        ),
        Attack(
            "TRACE", "`TRACE /tasks`", request("TRACE /tasks"), both(405), "it would show a proxy's headers"
        ),
        Attack(
            "TRACK", "`TRACK /tasks`", request("TRACK /tasks"), both(405, 400), "TRACE under another name"
        ),
        Attack(
            "CONNECT",
            "`CONNECT 127.0.0.1:27017`",
            request("CONNECT 127.0.0.1:27017"),
            both(400),
            "the gateway opens no tunnels",
        ),
        Attack(
            "OPTIONS *",
            "`OPTIONS *`",
            request("OPTIONS *"),
            gateway(400),
            "there is nothing to say about all",
        ),
        Attack(
            "PURGE",
            "`PURGE /tasks`",
            request("PURGE /tasks"),
            gateway(405),
            "nobody empties a cache from outside",
        ),
        Attack(
            "a method in a header",
            "`POST` with `X-HTTP-Method-Override: DELETE`",
            request(
                "POST /tasks",
                "Content-Type: application/json",
                "X-HTTP-Method-Override: DELETE",
                "X-Method-Override: DELETE",
                body=b'{"title":"x"}',
            ),
            both(201),
            "a method is in the request line",
        ),
    ],
)
