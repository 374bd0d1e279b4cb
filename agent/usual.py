"""How many clients a radio usually has at this hour of the week. Pure.

One number per radio and hour, two weeks of them; the store keeps them across restarts.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from inventory.model import RadioKey

HOUR_US = 3_600_000_000
WEEK = 7 * 24
KEPT = 2 * WEEK
UNKNOWN = 0xFFFF


def hour_of(utc_us: int) -> int:
    """Hours since 1970."""
    return utc_us // HOUR_US


@dataclass(frozen=True, slots=True)
class Hour:
    """The mean number of clients of a radio in one hour (``hour``: since 1970), rounded."""

    radio: RadioKey
    hour: int
    clients: int


@dataclass(slots=True)
class _Radio:
    hours: array[int] = field(default_factory=lambda: array("H", [UNKNOWN]) * KEPT)
    newest: int = 0
    present: int | None = None  # the hour being counted
    total: int = 0
    samples: int = 0


class Usual:
    """All radios of the daemon."""

    def __init__(self) -> None:
        self._radios: dict[RadioKey, _Radio] = {}

    def count(self, radio: RadioKey, utc_us: int, clients: int) -> Hour | None:
        """Take in a number of clients; returns the hour that has ended by it, to be stored."""
        known = self._radios.setdefault(radio, _Radio())
        hour, ended = hour_of(utc_us), None
        self._forget_after(known, hour)
        if known.present is not None and hour != known.present and known.samples:
            ended = Hour(radio, known.present, round(known.total / known.samples))
            self.learn([ended])
        if hour != known.present:
            known.present, known.total, known.samples = hour, 0, 0
        known.total, known.samples = known.total + clients, known.samples + 1
        return ended

    def learn(self, hours: Iterable[Hour]) -> None:
        """Hours that are over, in any order; those older than two weeks tell nothing."""
        for each in hours:
            known = self._radios.setdefault(each.radio, _Radio())
            self._forget_between(known, each.hour)
            if known.newest - each.hour < KEPT:
                known.hours[each.hour % KEPT] = min(each.clients, UNKNOWN - 1)

    @staticmethod
    def _forget_between(known: _Radio, hour: int) -> None:
        """The places of hours that were never told are empty, not what they held two weeks before."""
        if hour > known.newest:
            for skipped in range(max(known.newest + 1, hour - KEPT + 1), hour + 1):
                known.hours[skipped % KEPT] = UNKNOWN
            known.newest = hour

    @staticmethod
    def _forget_after(known: _Radio, hour: int) -> None:
        """Hours that are yet to come were counted by a clock that was wrong: they would hide all others."""
        if known.newest > hour:
            for wrong in range(max(hour, known.newest - KEPT) + 1, known.newest + 1):
                known.hours[wrong % KEPT] = UNKNOWN
            known.newest = hour

    def clients(self, radio: RadioKey, utc_us: int) -> float | None:
        """The median of this hour of the week in the last two weeks; before there is one of a week ago, that
        of this hour on other days. None: no such hour is known."""
        known = self._radios.get(radio)
        if known is None:
            return None
        hour = hour_of(utc_us)
        weeks = self._told(known, [hour - WEEK, hour - 2 * WEEK])
        days = weeks or self._told(known, [hour - 24 * day for day in range(1, 14)])
        return float(median(days)) if days else None

    @staticmethod
    def _told(known: _Radio, hours: Iterable[int]) -> list[int]:
        fresh = [hour for hour in hours if 0 <= known.newest - hour < KEPT]
        return [known.hours[hour % KEPT] for hour in fresh if known.hours[hour % KEPT] != UNKNOWN]

    def forget(self, radio: RadioKey) -> None:
        self._radios.pop(radio, None)
