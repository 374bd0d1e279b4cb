"""`/metrics` over HTTP, from prometheus_client's own server, in threads beside the event loop."""

from __future__ import annotations

import threading
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from agent.metrics.collector import LoopCollector
from agent.settings import Endpoint

log = structlog.get_logger()


class MetricsUnusable(OSError):
    """A person must act: the address for `/metrics` can't be listened on."""


class MetricsServer:
    """Serves what the collector finds, until `close`. No address: serves nothing."""

    def __init__(self, where: Endpoint | None, collector: LoopCollector) -> None:
        self._where = where
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        self._running: tuple[WSGIServer, threading.Thread] | None = None

    def start(self) -> None:
        """Raises MetricsUnusable. Blocks for a name look-up at most."""
        if self._where is None:
            return
        try:
            self._running = start_http_server(self._where.port, self._where.host, self._registry)
        except OSError as error:
            raise MetricsUnusable(f"RRMD_METRICS={self._where}: {error.strerror or error}") from error
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
