"""Callers without end at every door: the daemon goes on with its work, and stops when it is told."""

from __future__ import annotations

import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from daemon import Daemon
from integration.test_service import SITE, free_port
from traps_rig import pdu, v2c

END_S = 30.0  # of the drain, on a busy machine; the unit allows 60


@contextmanager
def flood(of: Callable[[], None]) -> Iterator[None]:
    """Somebody who does it again and again."""
    over = Event()

    def work() -> None:
        while not over.is_set():
            with suppress(OSError):
                of()

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def polls(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        found = re.findall(r'^rrmd_polls_total\{.*outcome="ok".*\} ([\d.]+)$', answer.read().decode(), re.M)
    return sum(map(float, found))


def test_a_flood_stops_neither_polls_nor_the_end(tmp_path: Path) -> None:
    metrics, traps = free_port(), free_port()
    more = {"RRMD_METRICS": f"127.0.0.1:{metrics}", "RRMD_TRAPS": f"127.0.0.1:{traps}"}
    with Daemon(tmp_path, SITE, {}, more) as daemon, ExitStack() as callers:
        before = polls(metrics)

        def unix(words: bytes) -> None:
            held = callers.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            held.settimeout(0.2)
            held.connect(str(daemon.socket))
            held.sendall(words)

        def once() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as short:
                short.settimeout(0.2)
                short.connect(str(daemon.socket))
                short.sendall(b"x" * 100)

        def trap() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                for _ in range(100):
                    out.sendto(v2c(pdu()), ("127.0.0.1", traps))
            time.sleep(0.01)

        for _ in range(60):
            with suppress(OSError):
                unix(b'{"op":')
        with flood(once), flood(trap):
            daemon.wait("polls go on", lambda: polls(metrics) >= before + 3, 30)
            for _ in range(40):
                held = callers.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                with suppress(OSError):
                    held.settimeout(0.2)
                    held.connect(("127.0.0.1", metrics))
                    held.sendall(b"GET /me")
            begun_s = time.monotonic()
            assert daemon.stop() == 0
            assert time.monotonic() - begun_s < END_S
    assert "Traceback" not in daemon.log.read_text()
