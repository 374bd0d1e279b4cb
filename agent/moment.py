"""A point in time as decisions are given it. Pure: reading the clocks is `agent.clock`'s work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UTC_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US


def iso(utc_us: int) -> str:
    """A time of a record, in microseconds of UTC, as text."""
    return (EPOCH + timedelta(microseconds=utc_us)).strftime(UTC_FORMAT)


def utc_us_of(text: str) -> int:
    """The microseconds of UTC that such a text says. ValueError: it says no time."""
    return (datetime.fromisoformat(text).astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instant on every clock: ``monotonic_s`` for durations inside this process, ``utc_us`` for
    records, ``boot_id`` with ``boottime_us`` for what must outlive a restart of the process."""

    monotonic_s: float
    utc_us: int
    boot_id: str
    boottime_us: int

    @property
    def utc(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.utc_us)

    def plus(self, seconds: float) -> Moment:
        """The instant so many seconds later, on every clock."""
        us = round(seconds * 1e6)
        return Moment(
            monotonic_s=self.monotonic_s + seconds,
            utc_us=self.utc_us + us,
            boot_id=self.boot_id,
            boottime_us=self.boottime_us + us,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """An instant that outlives the process. Within one boot the boot clock decides, so a wall clock that
    jumps moves nothing; after a reboot only the wall clock is left."""

    utc_us: int
    boot_id: str
    boottime_us: int

    @classmethod
    def after(cls, now: Moment, seconds: float) -> Deadline:
        end = now.plus(seconds)
        return cls(utc_us=end.utc_us, boot_id=end.boot_id, boottime_us=end.boottime_us)

    def left_s(self, now: Moment) -> float:
        """Seconds until it, negative when passed."""
        if now.boot_id == self.boot_id:
            return (self.boottime_us - now.boottime_us) / 1e6
        return (self.utc_us - now.utc_us) / 1e6

    def passed(self, now: Moment) -> bool:
        return self.left_s(now) <= 0
