"""What a service tells systemd, without a library: datagrams to the socket that it names, if it names one."""

from __future__ import annotations

import logging
import os
import socket

logger = logging.getLogger(__name__)


def notify(state: str, *descriptors: int) -> None:
    """Send a state, and open files with it: sd_notify(3), sd_pid_notify_with_fds(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # Linux' abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
        try:
            connection.connect(address)
            socket.send_fds(connection, [state.encode()], descriptors)
        except OSError as error:
            logger.warning("systemd's notification socket does not answer: %s", error.strerror)
