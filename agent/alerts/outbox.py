"""One way out and its thread: alerts wait here, and the event loop never does."""

from __future__ import annotations

import queue
import threading
from typing import Protocol

import structlog

from agent.alert import Alert
from agent.alerts.notice import Folding, Notice

log = structlog.get_logger()

LIMIT = 200
TRIES = 5
FIRST_WAIT_S = 1.0
MOST_WAIT_S = 30.0
CLOSE_S = 15.0
FOLD_S = 600.0
"""The same alert goes out once in so many seconds; the journal has each."""


class Undelivered(Exception):
    """An alert did not get out. ``again``: trying once more may help."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


class Channel(Protocol):
    """A way out. ``send`` blocks for some seconds at most and raises only Undelivered, which names no
    secret."""

    name: str

    def send(self, notice: Notice) -> None: ...


class Outbox:
    """Sends one notice after the other, tries again for a while, and counts what is lost. The same alert goes
    out once in ``FOLD_S``; one that got lost does not stand in the way of the next.

    ``full``: no room; ``given_up``: tried in vain; ``sent``: delivered.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        limit: int = LIMIT,
        tries: int = TRIES,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self.channel = channel
        self.full = self.given_up = self.sent = 0
        self._limit = limit
        self._tries = tries
        self._first_wait_s = first_wait_s
        self._folding = Folding(FOLD_S)
        self._lost: queue.SimpleQueue[Notice] = queue.SimpleQueue()  # from the thread to the folding
        self._waiting: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"alerts-{channel.name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        return self.full + self.given_up

    def raised(self, alert: Alert, now_s: float) -> None:
        """Hand it over, unless the same was handed over a short while ago and is not lost; from the event
        loop alone. ``now_s``: monotonic."""
        while not self._lost.empty():
            self._folding.lost(self._lost.get())
        if (notice := self._folding.admit(alert, now_s)) is not None:
            self.put(notice)

    def put(self, notice: Notice) -> None:
        """Hand it over; from the event loop alone."""
        if self._waiting.qsize() >= self._limit:
            self._lost.put(notice)
            self.full += 1
            log.error("alert.dropped", channel=self.channel.name, reason="queue_full", dropped=self.dropped)
            return
        self._waiting.put(notice)

    def close(self, within_s: float = CLOSE_S) -> None:
        """Try what waits once more; blocks. What is not out in time is lost with the thread."""
        self._closing.set()
        self._waiting.put(None)
        self._thread.join(within_s)

    def _work(self) -> None:
        while (notice := self._waiting.get()) is not None:
            self._deliver(notice)

    def _deliver(self, notice: Notice) -> None:
        wait_s = self._first_wait_s
        for left in reversed(range(self._tries)):
            if (failed := self._failure(notice)) is None:
                self.sent += 1
                return
            if not (left and failed.again) or self._closing.wait(wait_s):
                break
            wait_s = min(MOST_WAIT_S, 4 * wait_s)
        self._lost.put(notice)
        self.given_up += 1
        log.error("alert.dropped", channel=self.channel.name, reason=str(failed), dropped=self.dropped)

    def _failure(self, notice: Notice) -> Undelivered | None:
        try:
            self.channel.send(notice)
        except Undelivered as error:
            return error
        except Exception as error:  # a library's surprise (a name that IDNA refuses) must not end the thread
            return Undelivered(type(error).__name__, again=False)
        return None
