"""The listening socket: taking the port before all else, and giving it up without losing a connection.

Where there are other instances, one that leaves refuses, and the gateway asks the next. Where there is none,
the socket is left with systemd for the next process (`TASKYARD_HAND_OVER`): the kernel goes on taking
connections, which wait there until it comes.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct

from app.common.systemd import notify

# Linux' number; the socket module has no name for it.
_SO_ATTACH_FILTER = 26
# A classic BPF program: (operation, jump if true, jump if false, operand).
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the flags of the TCP header
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # only SYN?
    (0x06, 0, 0, 0),  # then drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),
)


# What systemd calls the socket that it keeps, and the number of the first that it passes (sd_listen_fds(3)).
_FDNAME = "listener"
_FIRST_FD = 3


def take(host: str, port: int) -> socket.socket:
    """Take the port: the socket that the process before this one left, or a new one. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    left = _inherited()
    for listener in left:
        if listener.family == family and listener.getsockname() == address:
            return listener
        listener.close()
    if left:  # one of another address, which nobody shall listen on any more
        _leave_none()
    return _bind(family, kind, protocol, address)


def hand_over(listener: socket.socket) -> None:
    """Leave a copy of the socket with systemd, which passes it to the next process of this unit."""
    # A socket that is closed here looks broken to whoever has a copy: FDPOLL=0 keeps it all the same.
    notify(f"FDSTORE=1\nFDNAME={_FDNAME}\nFDPOLL=0", listener.fileno())


def keep() -> None:
    """Have the socket end with this process."""
    if _FDNAME in os.environ.get("LISTEN_FDNAMES", ""):
        _leave_none()


def _leave_none() -> None:
    notify(f"FDSTOREREMOVE=1\nFDNAME={_FDNAME}")


def _inherited() -> list[socket.socket]:
    """Give the sockets that systemd has passed to this very process."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    numbers = range(_FIRST_FD, _FIRST_FD + int(os.environ.get("LISTEN_FDS", "0")))
    for number in numbers:
        os.set_inheritable(number, False)
    return [socket.socket(fileno=number) for number in numbers]


def _bind(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    """Take the port, without listening yet: who asks too early is refused. Raises OSError."""
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def let_nobody_in(listener: socket.socket) -> bool:
    """Start no new connection, and finish those that have begun.

    Closing a listening socket resets the connections that the kernel holds ready for it, with the requests
    that they carry: a POST lost that way is not repeated by the gateway. So the door is shut first (the
    kernel drops what would open a connection), then the queue is emptied and the socket closed by the caller.
    False where the kernel knows no such filter, or does not let this user set it: closing has to do there.
    """
    packed = b"".join(struct.pack("HBBI", *instruction) for instruction in _DROP_SYN)
    instructions = ctypes.create_string_buffer(packed)
    program = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(instructions))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:
        return False
    return True
