"""Events that wait for a decision: the most urgent first, each once, never more than fit. Pure."""

from __future__ import annotations

import heapq
from itertools import count

from agent.events import Event, EventKind

PRIORITY = {
    EventKind.DFS_RADAR: 0,
    EventKind.EMERGENCY_QOE: 1,
    EventKind.HW_FAILURE: 2,
    EventKind.SECURITY: 3,
    EventKind.NON_WIFI_BURST: 4,
    EventKind.SPECTRUM_SAT: 5,
    EventKind.DENSITY_SPIKE: 6,
}
"""Lower is decided on earlier. Radar never waits here; its number only completes the table."""


class EventQueue:
    """A queue of at most ``limit`` events. Events of one site, kind and key are one: the newest counts.

    ``dropped``: how many found no room; the least urgent goes first, and is found again by its detector.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._order: list[tuple[int, int, tuple[str, str, str]]] = []
        self._events: dict[tuple[str, str, str], Event] = {}
        self._turn = count()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        name = name_of(event)
        if name not in self._events:
            heapq.heappush(self._order, (PRIORITY[event.kind], next(self._turn), name))
        self._events[name] = event
        if len(self._events) > self._limit:
            self._drop_least()

    def pop(self) -> Event | None:
        """The most urgent event, the oldest of equals; None: nothing waits."""
        if not self._order:
            return None
        _, _, name = heapq.heappop(self._order)
        return self._events.pop(name)

    def _drop_least(self) -> None:
        least = max(self._order)
        self._order.remove(least)
        heapq.heapify(self._order)
        del self._events[least[2]]
        self.dropped += 1


def name_of(event: Event) -> tuple[str, str, str]:
    """What makes two events the same one while it is open."""
    return event.site, str(event.kind), event.key
