"""What the server gives to the application's hot path, and how that answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.common.application import Service
from app.common.protocol import Exchange, Protocol

pytestmark = pytest.mark.anyio
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n%b\r\n"
DATE = b"date: today\r\n"


class Connection(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("10.0.0.1", 1), "sockname": ("10.0.0.2", 2)})
        self.sent = b""
        self.is_open = True
        self.is_read = True

    def write(self, data: Any) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return not self.is_open

    def close(self) -> None:
        self.is_open = False

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Framework(Service):
    """Answers that it is the framework."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


class Server:
    """A connection of uvicorn's. The hot path takes what is asked for at /hot, and answers when told."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        app = Framework()
        app.hot_path = self._take
        config = uvicorn.Config(app, ws="none", log_config=None, lifespan="off", proxy_headers=False)
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"today")]
        self.connection = Connection()
        self.protocol = Protocol(config, self.state, {})
        self.protocol.connection_made(self.connection)

    def _take(self, exchange: Exchange) -> bool:
        is_hot: bool = exchange.scope["path"] == "/hot"
        if is_hot:
            self.exchanges.append(exchange)
        return is_hot

    async def receive(self, *requests: bytes) -> None:
        self.protocol.data_received(b"".join(requests))
        await asyncio.sleep(0.01)

    async def answer(self, body: bytes) -> None:
        head = b"content-length: %d\r\n" % len(body)
        self.exchanges.pop(0).answer(200, head, b"\r\n" + body)
        await asyncio.sleep(0.01)


@pytest.fixture
async def server() -> Server:
    return Server()


def hot(body: bytes, last: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + DATE + last + b"content-length: %d\r\n\r\n" % len(body) + body


BY_FRAMEWORK = b"HTTP/1.1 404 Not Found\r\n" + DATE + b"content-length: 0\r\n\r\n"


async def test_what_the_hot_path_takes_is_answered_by_it_alone(server: Server) -> None:
    await server.receive(GET % (b"/hot?a=b", b"X-Name: value\r\n"))
    (exchange,) = server.exchanges
    assert exchange.headers == {b"host": b"x", b"x-name": b"value"}
    assert (exchange.scope["method"], exchange.scope["query_string"]) == ("GET", b"a=b")
    assert server.connection.sent == b""
    await server.answer(b"one")
    assert server.connection.sent == hot(b"one")
    assert server.connection.is_open
    assert server.state.total_requests == 1


@pytest.mark.parametrize(
    "request_",
    [
        GET % (b"/cold", b""),
        GET % (b"/hot", b"X-Name: a\r\nx-name: a\r\n"),
        GET % (b"/hot", b"Connection: close\r\n"),
        b"GET /hot HTTP/1.0\r\n\r\n",
    ],
)
async def test_all_else_is_the_frameworks(server: Server, request_: bytes) -> None:
    await server.receive(request_)
    assert server.exchanges == []
    assert server.connection.sent.startswith(b"HTTP/1.1 404 ")


async def test_who_does_not_read_is_the_frameworks_which_waits(server: Server) -> None:
    server.protocol.pause_writing()
    await server.receive(GET % (b"/hot", b""))
    assert server.exchanges == []
    assert server.connection.sent == b""
    server.protocol.resume_writing()
    await asyncio.sleep(0.01)
    assert server.connection.sent == BY_FRAMEWORK


async def test_requests_that_come_together_are_answered_one_after_the_other(server: Server) -> None:
    await server.receive(*(GET % (path, b"") for path in (b"/hot", b"/cold", b"/hot", b"/hot")))
    assert len(server.exchanges) == 1
    assert not server.connection.is_read  # nobody can send more than is answered
    await server.answer(b"one")
    assert server.connection.sent == hot(b"one") + BY_FRAMEWORK
    await server.answer(b"two")
    await server.answer(b"three")
    assert server.connection.sent == hot(b"one") + BY_FRAMEWORK + hot(b"two") + hot(b"three")
    assert server.connection.is_read


async def test_who_has_gone_away_is_sent_nothing(server: Server) -> None:
    await server.receive(GET % (b"/hot", b""))
    server.protocol.connection_lost(None)
    await server.answer(b"one")
    assert server.connection.sent == b""


async def test_the_last_answer_of_a_server_that_leaves_says_so(server: Server) -> None:
    await server.receive(GET % (b"/hot", b""))
    server.protocol.shutdown()
    assert server.connection.is_open
    await server.answer(b"one")
    assert server.connection.sent == hot(b"one", b"connection: close\r\n")
    assert not server.connection.is_open


async def test_there_is_one_answer(server: Server) -> None:
    await server.receive(GET % (b"/hot", b""))
    exchange = server.exchanges[0]
    await server.answer(b"one")
    exchange.answer(200, b"", b"another")
    assert server.connection.sent == hot(b"one")


async def test_a_server_that_leaves_waits_for_what_is_being_answered(server: Server) -> None:
    go_on = asyncio.Event()

    async def answering() -> None:
        await go_on.wait()
        await server.answer(b"one")

    await server.receive(GET % (b"/hot", b""))
    server.exchanges[0].run(answering())
    assert len(server.state.tasks) == 1
    go_on.set()
    await asyncio.sleep(0.03)
    assert server.state.tasks == set()
    assert server.connection.sent == hot(b"one")


async def test_a_date_is_as_new_as_uvicorns(server: Server) -> None:
    for day in (b"today", b"tomorrow"):
        server.state.default_headers = [(b"date", day)]
        await server.receive(GET % (b"/hot", b""))
        await server.answer(b"")
    assert server.connection.sent == hot(b"") + hot(b"").replace(b"today", b"tomorrow")


async def test_what_comes_behind_a_body_is_no_header(server: Server) -> None:
    head = b"POST /hot HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    await server.receive(head, b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    assert b"authorization" not in dict(server.exchanges[0].scope["headers"])
