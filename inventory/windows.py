"""Spans of local time that come again (``sat,sun 22:00-06:00``) or once (``2026-12-24 18:00 - 2026-12-27
06:00``). Pure.

A local time is what the clock on the wall of the site shows. The hour that is shown twice when summer time
ends is inside both times; the one that is left out when it begins is never.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY: Final = frozenset(range(7))
DAY: Final = 1440
AHEAD_DAYS: Final = 15
"""So far ahead the end of what is in force is looked for: windows that touch may last for ever."""

_CLOCK = r"([0-2][0-9]):([0-5][0-9])"
_DATE = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
_DAYS = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_WEEKLY: Final = re.compile(rf"(?:({_DAYS}(?:-{_DAYS})?(?:,{_DAYS}(?:-{_DAYS})?)*) )?{_CLOCK}-{_CLOCK}")
_ONCE: Final = re.compile(rf"{_DATE} {_CLOCK} ?- ?(?:{_DATE} )?{_CLOCK}")

EXPECTED: Final = 'HH:MM-HH:MM, "sat,sun HH:MM-HH:MM" or "YYYY-MM-DD HH:MM - YYYY-MM-DD HH:MM", not empty'


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """``text``: as the site file has it. Minutes of the day, [from, to).

    Without ``first`` it comes again: on ``weekdays`` (0 = Monday), those on which it begins; ``from_minute``
    after ``to_minute`` crosses midnight. With it: once, from ``from_minute`` of ``first`` to ``to_minute`` of
    ``last``.
    """

    text: str
    from_minute: int
    to_minute: int
    weekdays: frozenset[int] = EVERY_DAY
    first: date | None = None
    last: date | None = None

    def holds(self, local: datetime) -> bool:
        """Whether the clock on the wall shows a time inside."""
        minute, day = local.hour * 60 + local.minute, local.date()
        if self.first is not None and self.last is not None:
            return (self.first, self.from_minute) <= (day, minute) < (self.last, self.to_minute)
        today, yesterday = local.weekday() in self.weekdays, (local.weekday() - 1) % 7 in self.weekdays
        if self.from_minute < self.to_minute:
            return today and self.from_minute <= minute < self.to_minute
        return (today and minute >= self.from_minute) or (yesterday and minute < self.to_minute)

    def ends(self, day: date) -> datetime:
        """The local time, without a zone, at which it would end on a day."""
        return datetime.combine(self.last or day, time()) + timedelta(minutes=self.to_minute)


def window(text: str) -> Window:
    """Raises ValueError for what is none, or is empty."""
    if found := _WEEKLY.fullmatch(text):
        days, *clock = found.groups()
        start, end = _minutes(clock[:2]), _minutes(clock[2:])
        if start in (end, DAY):
            raise ValueError(text)
        weekdays = frozenset(_weekdays(days)) if days else EVERY_DAY
        return Window(text=text, from_minute=start, to_minute=end, weekdays=weekdays)
    if found := _ONCE.fullmatch(text):
        begun, hour, minute, ended, *clock = found.groups()
        first = date.fromisoformat(begun)
        last = date.fromisoformat(ended) if ended else first
        start, end = _minutes((hour, minute)), _minutes(clock)
        if (first, start) >= (last, end):
            raise ValueError(text)
        return Window(text=text, from_minute=start, to_minute=end, first=first, last=last)
    raise ValueError(text)


def in_force(now: datetime, zone: str, windows: Iterable[Window]) -> Window | None:
    """The first window that holds at an instant; None: none does."""
    local = now.astimezone(ZoneInfo(zone))
    return next((each for each in windows if each.holds(local)), None)


def until(now: datetime, zone: str, windows: Sequence[Window]) -> datetime | None:
    """The instant (UTC) from which none of them holds any more, if one holds now; windows that follow each
    other without a gap are one. None: none holds now, or one does for more than AHEAD_DAYS."""
    if in_force(now, zone, windows) is None:
        return None
    return next((end for end in _ends(now, zone, windows) if in_force(end, zone, windows) is None), None)


def _ends(now: datetime, zone: str, windows: Sequence[Window]) -> Iterator[datetime]:
    """When any of them may end, soonest first. An end that is shown twice, or that the clock leaves out, may
    be at any minute of that hour."""
    at, found = ZoneInfo(zone), set[datetime]()
    today = now.astimezone(at).date()
    for nth in range(-1, AHEAD_DAYS):
        for each in windows:
            naive = each.ends(today + timedelta(days=nth))
            early, late = sorted(naive.replace(tzinfo=at, fold=fold).astimezone(UTC) for fold in (0, 1))
            minutes = (late - early) // timedelta(minutes=1)
            found |= {early + timedelta(minutes=n) for n in range(minutes + 1)}
    return iter(sorted(end for end in found if end > now))


def _minutes(clock: Sequence[str]) -> int:
    minute = int(clock[0]) * 60 + int(clock[1])
    if minute > DAY:
        raise ValueError(minute)
    return minute


def _weekdays(text: str) -> Iterator[int]:
    """``fri-mon`` goes over the end of the week."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        yield from ((start + n) % 7 for n in range((end - start) % 7 + 1))
