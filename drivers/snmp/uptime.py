"""When a device's counters started again: from its own clock. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.notifications import Oid, Value
from drivers.snmp.questions import SYS_UP_TIME

_WRAP: Final = 2**32  # TimeTicks: 497 days
_SLACK_TICKS: Final = 6000  # one minute: answers take their time, and clocks differ
_DRIFT: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """``ticks``: sysUpTime, hundredths of a second; ``restarts``: instances that change when all starts
    again. ``epoch`` counts how often it did."""

    at_s: float
    ticks: int | None = None
    restarts: tuple[Value | None, ...] = ()
    epoch: int = 0

    def then(self, at_s: float, values: Mapping[Oid, Value], restarts: tuple[Oid, ...]) -> Uptime:
        """The next look at it. What the device does not tell this time is as it was."""
        told = values.get(SYS_UP_TIME)
        ticks = told if isinstance(told, int) else self.ticks
        now = tuple(values.get(oid, old) for oid, old in zip(restarts, self._old(restarts), strict=True))
        again = self._restarted(at_s, ticks) or any(
            old is not None and new != old for old, new in zip(self._old(restarts), now, strict=True)
        )
        return Uptime(at_s=at_s, ticks=ticks, restarts=now, epoch=self.epoch + again)

    def _old(self, restarts: tuple[Oid, ...]) -> tuple[Value | None, ...]:
        return self.restarts if len(self.restarts) == len(restarts) else (None,) * len(restarts)

    def _restarted(self, at_s: float, ticks: int | None) -> bool:
        """True where the clock is behind where it would be had it gone on, and has not wrapped."""
        if self.ticks is None or ticks is None:
            return False
        passed = max(0.0, at_s - self.at_s) * 100
        slack = _SLACK_TICKS + passed * _DRIFT
        expected = self.ticks + passed
        behind = min(abs(expected - ticks), abs(expected - _WRAP - ticks))
        return behind > slack
