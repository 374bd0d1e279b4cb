"""A cable that can be cut: a TCP forwarder in front of a guest, or of any loopback server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 1 << 16
POLL_S = 0.05  # how soon a stop is noticed


class CutWire:
    """Forwards `127.0.0.1:port` to a TCP port of the loopback until it is cut.

    Cut, it behaves as a dead cable: bytes are neither taken nor given, nothing is closed or refused, and a
    new connection is accepted by the system but never answered. Mended, everything goes on where it stood.
    """

    host = "127.0.0.1"

    def __init__(self, target_port: int) -> None:
        self._target = (self.host, target_port)
        self._whole = threading.Event()
        self._whole.set()
        self._stopped = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._run("cutwire accept", self._accept)

    def stop(self) -> None:
        """Close everything and wait for the threads; both ends see their connections end."""
        self._stopped.set()
        with self._lock:
            held = [self._listener, *self._sockets]
        for end in held:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in list(self._threads):
            thread.join(5.0)

    def cut(self) -> None:
        """From now on nothing passes; at most a chunk that was already on its way arrives."""
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed by stop
                return
            self._run("cutwire connect", self._connect, near)

    def _connect(self, near: socket.socket) -> None:
        self._hold(near)
        if not self._passable():
            return
        try:
            far = socket.create_connection(self._target)
        except OSError:
            near.close()
            return
        self._hold(far)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._run("cutwire out", self._pump, near, far)
        self._run("cutwire in", self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # either end went away, or we were stopped
            while self._passable() and (data := source.recv(CHUNK)):
                if not self._passable():  # cut while we waited for these bytes
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _passable(self) -> bool:
        """Wait for the wire to be whole; False when it is stopped."""
        while not self._whole.wait(POLL_S):
            if self._stopped.is_set():
                return False
        return not self._stopped.is_set()

    def _hold(self, end: socket.socket) -> None:
        with self._lock:
            self._sockets.append(end)

    def _run(self, name: str, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()
