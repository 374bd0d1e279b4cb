"""What is usual for a radio: medians over slots of its own history, trouble left out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median, quantiles

from agent.detectors.sight import Sight
from agent.observation import Observation
from agent.slots import Slot, fold


def slots_of(
    sight: Sight, observations: Iterable[Observation], elsewhere: frozenset[str] = frozenset()
) -> tuple[Slot, ...]:
    """Slots of the monitor's length, valid ones and others, oldest first."""
    policy = sight.view.site.policy.monitor
    return fold(observations, policy, refresh_s=sight.refresh_s, elsewhere=elsewhere)


def usual(sight: Sight, values: Sequence[float]) -> float | None:
    """Median of one measure; None when fewer than the monitor's `baseline_min_slots` report it."""
    if len(values) < max(2, sight.view.site.policy.monitor.baseline_min_slots):
        return None
    return median(values)


def usual_in_peace(sight: Sight, values: Sequence[float], times: float, floor: float) -> float | None:
    """Median of one measure of cost, without what reaches ``floor`` and ``times`` the lower quartile: an
    emergency does not become usual before it fills three quarters of the history."""
    if len(values) < 2:
        return None
    trouble = max(floor, times * quantiles(values, n=4, method="inclusive")[0])
    return usual(sight, [value for value in values if value < trouble])
