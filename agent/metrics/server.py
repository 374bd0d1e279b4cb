"""`/metrics` over HTTP, in threads beside the event loop: a few at once, and none for long."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from agent.metrics.collector import LoopCollector
from agent.settings import Endpoint

log = structlog.get_logger()

CONNECTIONS: Final = 8
WHOLE_S: Final = 15.0  # from the connection to the end of the answer; the loop has 5 of them to answer


class MetricsUnusable(OSError):
    """A person must act: the address for `/metrics` can't be listened on."""


class MetricsServer:
    """Serves what the collector finds, until `close`. No address: serves nothing.

    ``whole_s``: who has not got his answer by then is cut off; who finds `CONNECTIONS` open is hung up on.
    """

    def __init__(self, where: Endpoint | None, collector: LoopCollector, *, whole_s: float = WHOLE_S) -> None:
        self._where = where
        self._whole_s = whole_s
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        self._running: tuple[_Server, threading.Thread] | None = None

    def start(self) -> None:
        """Raises MetricsUnusable. Blocks for a name look-up at most."""
        if self._where is None:
            return
        kind = _Server6 if ":" in self._where.host else _Server
        try:
            server = make_server(
                self._where.host, self._where.port, make_wsgi_app(self._registry), kind, _Silent
            )
        except OSError as error:
            raise MetricsUnusable(f"RRMD_METRICS={self._where}: {error.strerror or error}") from error
        server.whole_s = self._whole_s
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        self._running = server, thread
        log.info("metrics.opened", address=str(self._where))

    @property
    def port(self) -> int | None:
        """The port that is listened on; None when nothing is served."""
        return self._running[0].server_port if self._running else None

    def close(self) -> None:
        """Take no more scrapes; blocks until the server's thread has ended."""
        if self._running is None:
            return
        server, thread = self._running
        self._running = None
        server.shutdown()
        server.server_close()
        thread.join()


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """A scrape is no news."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread per connection, of which there are `CONNECTIONS`."""

    daemon_threads = True
    block_on_close = False  # what is at work has its own end
    whole_s = WHOLE_S

    def __init__(self, *args: Any) -> None:
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        end = threading.Timer(self.whole_s, _cut, (request,))
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that was cut off, or went: its thread ends, and that is all."""
        log.debug("metrics.caller_lost")


class _Server6(_Server):
    address_family = socket.AF_INET6


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
