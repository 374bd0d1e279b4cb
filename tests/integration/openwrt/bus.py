"""What all parts of the stand-in share: one lock, its timers, its subscribers, its log."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

Notice = tuple[str, Mapping[str, Any]] | None
"""(kind, data); None: the object is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """How long things take here, in seconds; of a real AP they are 100 ms a beacon, 5 s, 60 s."""

    beacon_s: float = 0.005
    trigger_s: float = 0.05
    """From the last change of UCI to netifd's look at it; on a real AP about 2 s."""
    reload_s: float = 0.1
    cac_s: float = 0.3
    second_s: float = 0.15
    """A second of uci's and of sessions' timeouts."""


@dataclass(slots=True)
class Bus:
    tempo: Tempo = field(default_factory=Tempo)
    lock: threading.RLock = field(default_factory=threading.RLock)
    changed: threading.Condition = field(init=False)
    log: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=500))
    subscribers: dict[str, list[SimpleQueue[Notice]]] = field(default_factory=dict)
    timers: set[threading.Timer] = field(default_factory=set)
    closed: bool = False
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.changed = threading.Condition(self.lock)

    def later(self, delay_s: float, do: Callable[[], None]) -> threading.Timer:
        def locked() -> None:
            with self.lock:
                self.timers.discard(timer)
                if not self.closed:
                    do()

        timer = threading.Timer(delay_s, locked)
        timer.daemon = True
        self.timers.add(timer)
        timer.start()
        return timer

    def say(self, line: str) -> None:
        """A line of the system log."""
        with self.lock:
            self.log.append((next(self._numbers), line))
            self.changed.notify_all()

    def notify(self, topic: str, kind: str, /, **data: Any) -> None:
        with self.lock:
            for queue in self.subscribers.get(topic, ()):
                queue.put((kind, data))

    def subscribe(self, name: str) -> SimpleQueue[Notice]:
        queue: SimpleQueue[Notice] = SimpleQueue()
        with self.lock:
            self.subscribers.setdefault(name, []).append(queue)
            self.changed.notify_all()
        return queue

    def gone(self, name: str) -> None:
        """The object is removed: its subscriptions end."""
        with self.lock:
            for queue in self.subscribers.pop(name, ()):
                queue.put(None)

    def close(self) -> None:
        with self.lock:
            self.closed = True
            for timer in self.timers:
                timer.cancel()
            for name in list(self.subscribers):
                self.gone(name)
            self.changed.notify_all()
