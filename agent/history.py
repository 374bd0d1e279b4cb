"""A radio's recent past: which reading the next is measured from, and the observations kept. No clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from agent.counters import Flaw
from agent.observation import Observation, is_off_air, observe
from agent.slots import Slot, fold
from drivers.types import RadioReading
from inventory.model import MonitorPolicy

COUNTED = ("clients", "client_count", "counters", "survey", "gauges")
"""What of a reading tells what a radio did."""
KEEP_S = 2400.0  # 20 slots of a minute before a change, or 30 after it, and some


class History:
    """One radio's recent observations, oldest first, and the reading that the next is measured from.

    ``keep_s``: how much is kept; at least 20 slots of the device's refresh interval.
    """

    __slots__ = ("_items", "_keep_s", "_last", "_off_air")

    def __init__(self, *, keep_s: float = KEEP_S) -> None:
        self._items: deque[Observation] = deque()
        self._keep_s = keep_s
        self._last: RadioReading | None = None
        self._off_air = False

    def add(self, reading: RadioReading) -> Observation | None:
        """The observation that this reading completes, kept; None when it brings nothing new.

        A reading without counters (status only) is remembered when it finds the radio off air.
        """
        self._off_air |= is_off_air(reading)
        if all(getattr(reading, name) is None for name in COUNTED):
            return None
        if self._last is None:
            self._last = reading
            return None
        observation = observe(self._last, reading)
        if observation is None:
            return None
        if self._off_air:
            observation = replace(observation, flaws=observation.flaws | {Flaw.OFF_AIR})
        self._off_air = is_off_air(reading)
        self._last = _carried(self._last, reading)
        self.append(observation)
        return observation

    def append(self, observation: Observation) -> None:
        """Keep an observation; what is too old is dropped."""
        self._items.append(observation)
        while self._items[0].at_s < observation.at_s - self._keep_s:
            self._items.popleft()

    def keep(self, keep_s: float) -> None:
        """Keep at least so many seconds from now on."""
        self._keep_s = max(self._keep_s, keep_s)

    @property
    def observations(self) -> Sequence[Observation]:
        return tuple(self._items)

    @property
    def last(self) -> Observation | None:
        return self._items[-1] if self._items else None

    def newest(self, count: int) -> tuple[Observation, ...]:
        """The last so many observations, oldest first."""
        return tuple(list(self._items)[-count:]) if count > 0 else ()

    def slots(
        self,
        policy: MonitorPolicy,
        *,
        since_s: float = float("-inf"),
        until_s: float = float("inf"),
        refresh_s: float = 0.0,
        elsewhere: frozenset[str] = frozenset(),
    ) -> tuple[Slot, ...]:
        """Whole slots between two times; see `fold`."""
        recent = list(takewhile(lambda seen: seen.start_s >= since_s, reversed(self._items)))
        inside = [seen for seen in reversed(recent) if seen.at_s <= until_s]
        return fold(inside, policy, refresh_s=refresh_s, elsewhere=elsewhere)


def _carried(previous: RadioReading, current: RadioReading) -> RadioReading:
    """The current reading with the tables that it lacks taken over from the one before."""
    kept = {
        name: known
        for name in COUNTED
        if getattr(current, name) is None and (known := getattr(previous, name)) is not None
    }
    return replace(current, **kept) if kept else current
