"""Events that wait for a decision: the most urgent first, each once, never more than fit. Pure."""

from __future__ import annotations

import heapq
from collections import Counter
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

    ``dropped``: by site, how many found no room. Of the site that has most waiting the least urgent goes
    first, of equals the newest: a flood at one site costs the others nothing. Its detector finds it again.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._order: list[tuple[int, int, tuple[str, str, str]]] = []
        self._events: dict[tuple[str, str, str], Event] = {}
        self._turn = count()
        self._waiting: Counter[str] = Counter()  # by site
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        name = name_of(event)
        if name not in self._events:
            heapq.heappush(self._order, (PRIORITY[event.kind], next(self._turn), name))
            self._waiting[event.site] += 1
        self._events[name] = event
        if len(self._events) > self._limit:
            self._drop_least()

    def pop(self) -> Event | None:
        """The most urgent event, the oldest of equals; None: nothing waits."""
        if not self._order:
            return None
        _, _, name = heapq.heappop(self._order)
        return self._take(name)

    def _drop_least(self) -> None:
        fullest = max(self._waiting, key=lambda site: self._waiting[site])
        least = max(each for each in self._order if each[2][0] == fullest)
        self._order.remove(least)
        heapq.heapify(self._order)
        self._take(least[2])
        self.dropped[fullest] += 1

    def _take(self, name: tuple[str, str, str]) -> Event:
        self._waiting[name[0]] -= 1
        if not self._waiting[name[0]]:
            del self._waiting[name[0]]
        return self._events.pop(name)


def name_of(event: Event) -> tuple[str, str, str]:
    """What makes two events the same one while it is open."""
    return event.site, str(event.kind), event.key
