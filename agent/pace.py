"""How far the wall clock is to be believed when it says how long ago something was. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.moment import DAY_US, Moment

BELIEVED_US: Final = DAY_US
"""How long a wall clock that was set must go as fast as the boot clock before it says what is old."""
ASTRAY_US: Final = 60_000_000
"""How much faster or slower it may have gone since the last look; more than that, and it was set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """``ahead_us``: how far the wall clock was set forward, as long as that is not believed;
    ``since_utc_us``: what it said when that was seen."""

    ahead_us: int = 0
    since_utc_us: int = 0

    def age_us(self, now_utc_us: int, at_utc_us: int) -> int:
        """How long ago a moment was, µs, by its wall-clock time; negative where the clock was set back to
        before it. What was before the clock was set forward is no older because of that."""
        ahead_us = self.ahead_us if at_utc_us < self.since_utc_us else 0
        return now_utc_us - at_utc_us - ahead_us


BELIEVED: Final = Pace()


class Pacer:
    """Compares the wall clock with the boot clock. Where it is set forward nothing is older because of that,
    for a day: budgets hold while it is wrong for a time."""

    def __init__(self) -> None:
        self._offset_us: int | None = None  # wall clock less boot clock, as it is believed
        self._other_us = 0  # the same, not believed yet
        self._seen: Moment | None = None  # when that was first seen

    def look(self, now: Moment) -> Pace:
        offset_us = now.utc_us - now.boottime_us
        if self._offset_us is None or abs(offset_us - self._offset_us) <= ASTRAY_US:
            self._believe(offset_us)
            return BELIEVED
        if self._seen is None or abs(offset_us - self._other_us) > ASTRAY_US:
            self._seen = now
        self._other_us = offset_us
        if now.boottime_us - self._seen.boottime_us >= BELIEVED_US:
            self._believe(offset_us)
            return BELIEVED
        ahead_us = offset_us - self._offset_us
        return Pace(ahead_us=ahead_us, since_utc_us=self._seen.utc_us) if ahead_us > 0 else BELIEVED

    def _believe(self, offset_us: int) -> None:
        self._offset_us, self._seen = offset_us, None
