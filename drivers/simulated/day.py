"""The swing of the day: how much people want at which hour. Pure."""

from __future__ import annotations

import math

NIGHT_RATIO = 0.2  # the quietest hour has a fifth of the busiest one's demand


def daily_ratio(hour: float) -> float:
    """Demand at this hour of the day, 0.2 (at 3) to 1 (at 15); log-sinusoidal."""
    depth = (1 + math.cos(2 * math.pi * (hour - 3) / 24)) / 2
    return math.exp(depth * math.log(NIGHT_RATIO))


class Day:
    """``ratio``: the demand of this slot, as a share of the busiest hour's."""

    def __init__(self, midnight_s: float, start_s: float) -> None:
        self._midnight_s = midnight_s
        self._since_s = start_s
        self._weighed_s = 0.0
        self.ratio = self.ratio_at(start_s)

    def hour(self, now_s: float) -> float:
        """Of the local day, 0 to below 24."""
        return (now_s - self._midnight_s) / 3600 % 24

    def ratio_at(self, now_s: float) -> float:
        return daily_ratio(self.hour(now_s))

    def step(self, now_s: float) -> None:
        """A new slot begins."""
        self._weighed_s = self.weighed_s(now_s)
        self._since_s = now_s
        self.ratio = self.ratio_at(now_s)

    def weighed_s(self, now_s: float) -> float:
        """Seconds so far, each weighed by its slot's demand."""
        return self._weighed_s + (now_s - self._since_s) * self.ratio
