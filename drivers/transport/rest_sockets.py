"""Sockets of HTTP connections, all of which any thread may end at any moment."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakSet

from urllib3.connection import HTTPConnection, HTTPSConnection

# A peer that has gone is noticed on a silent stream too: after 10 + 2 x 10 s.
SOCKET_OPTIONS: Final = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 20_000),
]


@dataclass(slots=True)
class Sockets:
    """All that are open, so that any thread may end them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    open: WeakSet[socket.socket] = field(default_factory=WeakSet)
    was_reset: bool = False

    def adopt(self, new: socket.socket) -> None:
        with self.lock:
            self.open.add(new)
            if self.was_reset:
                raise OSError("closed while connecting")

    def reset(self) -> None:
        """Never blocks. What the kernel has not sent yet is thrown away, not delivered later."""
        with self.lock:
            self.was_reset = True
            for each in self.open:
                reset(each)


def reset(each: socket.socket) -> None:
    with suppress(OSError):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.shutdown(each, socket.SHUT_RDWR)  # SSLSocket's own would pull its reader's state away


class Plain(HTTPConnection):
    """A connection that says which socket it has."""

    def __init__(self, sockets: Sockets, **words: Any) -> None:
        super().__init__(**words)
        self._sockets = sockets

    def connect(self) -> None:
        super().connect()
        self._sockets.adopt(self.sock)


class Tls(HTTPSConnection):
    def __init__(self, sockets: Sockets, **words: Any) -> None:
        super().__init__(**words)
        self._sockets = sockets

    def _new_conn(self) -> socket.socket:
        """The handshake takes the socket's handle away from it: a second one stays to end it with."""
        new = super()._new_conn()
        self._handshaking = new.dup()
        self._sockets.adopt(self._handshaking)
        return new

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            handle = self.__dict__.pop("_handshaking", None)
            if handle is not None:
                handle.close()
        self._sockets.adopt(self.sock)
