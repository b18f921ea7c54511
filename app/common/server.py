"""Running a service: uvicorn, told how to say that it is ready and how to leave without losing a request."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import uvicorn

from app.common import logs
from app.common.application import Service
from app.common.listener import hand_over, keep, let_nobody_in, take
from app.common.protocol import Protocol
from app.common.settings import CommonSettings, SettingsT, load, stop
from app.common.systemd import notify

logger = logging.getLogger(__name__)

# Nginx keeps an idle connection for 60 s: the side that reuses connections has to be the first to let go.
KEEP_ALIVE_SECONDS = 75
GRACEFUL_SECONDS = 10
_TICK_SECONDS = 0.1
_LAST_CALLS, _LAST_CALL_SECONDS = 5, 0.01


def main(service: str, kind: type[SettingsT], create_app: Callable[[SettingsT], Service]) -> None:
    """Read the settings, take the port, serve until told to stop."""
    settings = load(kind)
    if settings.port is None:
        stop("TASKYARD_PORT is not set")
    logs.configure(service, settings.log_level)
    try:
        listener = take(settings.host, settings.port)
    except OSError as error:
        _fail_to_listen(settings.host, settings.port, error)
    Server(create_app(settings), settings, listener).run(sockets=[listener])


class Server(uvicorn.Server):
    """uvicorn's server plus systemd's notifications, draining, and a stop that also works while starting."""

    def __init__(self, app: Service, settings: CommonSettings, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
        super().__init__(config)
        self._app = app
        self._settings = settings
        self._listener = listener

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process ends when this ends, by the signal that it got: nothing is written afterwards."""
        with super().capture_signals():
            try:
                yield
            finally:
                logs.flush()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        watcher = asyncio.create_task(self._give_up_when_told(asyncio.current_task()))
        try:
            await super().startup(sockets)
        except asyncio.CancelledError:
            return  # `should_exit` is set, `started` is not: the server ends here
        except OSError as error:
            _fail_to_listen(self._settings.host, self._settings.port, error)
        except SystemExit:
            sys.exit(1)  # the reason is in the log
        finally:
            watcher.cancel()
        # What is there by now stays: the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        logger.info("listening on %s:%s", self._settings.host, self._settings.port)
        if self._settings.hand_over:
            hand_over(self._listener)
        else:
            keep()
        notify("READY=1")

    async def _give_up_when_told(self, starting: asyncio.Task[None] | None) -> None:
        """Waiting for MongoDB may take a minute; SIGTERM must not."""
        while not self.should_exit:  # noqa: ASYNC110 - a signal handler sets it
            await asyncio.sleep(_TICK_SECONDS)
        if starting is not None:
            starting.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave, whenever the signal came after listening began: before the main loop, too."""
        notify("STOPPING=1")
        logger.info("draining for %g s", self._settings.drain_seconds)
        await self._stop_listening()
        await self._drain()
        await super().shutdown(sockets)

    async def _stop_listening(self) -> None:
        """Take no new connections and lose none: the gateway is refused, and asks the next instance.

        Who has handed the socket over leaves them to the next process.
        """
        if not self._settings.hand_over:
            let_nobody_in(self._listener)
            for _ in range(_LAST_CALLS):  # each turn of the loop accepts what has arrived
                await asyncio.sleep(_LAST_CALL_SECONDS)
        for server in self.servers:
            server.close()

    async def _drain(self) -> None:
        """Go on answering on the connections that there are, each answer being the last on its connection.

        The gateway uses up its kept-alive connections meanwhile, so that none is closed under a request. They
        are all answered in uvicorn's way.
        """
        self._app.hot_path = None
        close = (b"connection", b"close")
        self.config.encoded_headers = [*self.config.encoded_headers, close]
        self.server_state.default_headers = [*self.server_state.default_headers, close]
        for tick in range(round(self._settings.drain_seconds / _TICK_SECONDS)):
            await self.on_tick(tick)
            await asyncio.sleep(_TICK_SECONDS)
            if self.force_exit:
                return


def _fail_to_listen(host: str, port: int | None, error: OSError) -> NoReturn:
    logger.critical("cannot listen on %s:%s: %s", host, port, error.strerror or error)
    sys.exit(1)
