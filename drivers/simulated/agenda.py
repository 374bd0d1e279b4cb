"""What will happen by itself, in order of time. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Action = Callable[[float], None]
"""Called with the time at which it was due."""


class Agenda:
    """Things to come. Two at the same instant happen in the order in which they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._order = count()
        self.earlier: Callable[[], None] | None = None  # called when something comes before all else

    def add(self, when_s: float, action: Action) -> None:
        first = not self._heap or when_s < self._heap[0][0]
        heapq.heappush(self._heap, (when_s, next(self._order), action))
        if first and self.earlier is not None:
            self.earlier()

    def next_s(self) -> float | None:
        """When the next thing happens; None: never."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Action:
        """Take the next thing out."""
        return heapq.heappop(self._heap)[2]
