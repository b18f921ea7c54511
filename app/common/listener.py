"""The listening socket: taking the port before all else, and giving it up without losing a connection."""

from __future__ import annotations

import ctypes
import socket
import struct

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


def bind(host: str, port: int) -> socket.socket:
    """Take the port, without listening yet: who asks too early is refused. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
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
