"""What the service manager is told (sd_notify(3)): ready, alive, reloading, stopping."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final, Self

import structlog

log = structlog.get_logger()

RECOVERY_STEP_S: Final = 10.0
"""Between two requests for more time while the daemon recovers."""
STATUS_S: Final = 30.0
"""Between two status lines where no watchdog runs."""


class Notifier:
    """Tells systemd, or nobody: outside a service every call is without effect.

    ``watchdog_s``: within so many seconds systemd wants to hear that we live; None = it does not watch.
    """

    def __init__(self, address: str | None, watchdog_s: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address
        self.watchdog_s = watchdog_s

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """From ``$NOTIFY_SOCKET``, ``$WATCHDOG_USEC`` and ``$WATCHDOG_PID`` (maybe another process)."""
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        wait_us = environ.get("WATCHDOG_USEC", "") if ours else ""
        return cls(environ.get("NOTIFY_SOCKET"), int(wait_us) / 1e6 if wait_us.isdecimal() else None)

    def tell(self, *lines: str) -> None:
        """Lines such as ``READY=1``, in one message. Never waits: a service manager that is too busy to
        listen is told the next time."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("notify.failed", error=str(error))

    def ready(self, status: str) -> None:
        self.tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The time is what Type=notify-reload of systemd 253 wants; earlier ones overlook it."""
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.tell("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def stopping(self) -> None:
        self.tell("STOPPING=1", "STATUS=stopping: what is being written is finished")

    def extend(self, seconds: float) -> None:
        """Ask for so much more time to start or to stop, from now."""
        self.tell(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")


async def beat(notifier: Notifier, alive: Callable[[], bool], status: Callable[[], str]) -> None:
    """Feed the watchdog from the event loop at half its interval, and tell the status with it.

    Ends when ``alive()`` is no longer true: then systemd restarts the service. A loop that hangs feeds
    nothing either, which is the point of doing it here and not in a thread.
    """
    pause_s = STATUS_S if notifier.watchdog_s is None else notifier.watchdog_s / 2
    while alive():
        notifier.tell("WATCHDOG=1", f"STATUS={status()}")
        await asyncio.sleep(pause_s)
    log.error("watchdog.left_unfed")


async def ask_for_time(notifier: Notifier, over: asyncio.Event) -> None:
    """Ask for more time to start until ``over``; the loop must turn to do so."""
    while not over.is_set():
        notifier.extend(3 * RECOVERY_STEP_S)
        try:
            async with asyncio.timeout(RECOVERY_STEP_S):
                await over.wait()
        except TimeoutError:
            continue
