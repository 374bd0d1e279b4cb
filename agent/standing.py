"""How one radio stands after a first and a second look at it, own or neighbour. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.baseline import Baseline
from agent.comparison import Comparison, Controls, compare, limit_of
from agent.metric import Metric
from agent.slots import Slot
from inventory.model import MonitorPolicy


class Stand(StrEnum):
    HELD = "held"
    WORSE = "worse"
    OPEN = "open"  # too few valid slots for the first look
    EXTENDED = "extended"  # too few valid slots for the second look
    BLIND = "blind"  # enough slots, but no metric in common with the baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one radio stands, the metric that makes it worse, and the slots that were looked at."""

    stand: Stand
    compared: Sequence[Comparison] = ()
    worse: Comparison | None = None
    look: Sequence[Slot] = ()


def standing_of(
    metrics: Sequence[Metric],
    baseline: Baseline,
    after: Sequence[Slot],
    controls: Controls,
    policy: MonitorPolicy,
) -> Standing:
    """The first look, over 5 valid slots: WORSE, or HELD for good, or extended to 10 at >= 1.3 c b."""
    valid = [slot for slot in after if slot.valid]
    if len(valid) < policy.slots:
        return Standing(stand=Stand.OPEN)
    look = valid[: policy.slots]
    compared = compare(metrics, baseline, look, controls)
    if not compared:
        return Standing(stand=Stand.BLIND)
    worse = next((each for each in compared if each.worse_at_first(limit_of(each.metric, policy))), None)
    if worse is not None:
        return Standing(stand=Stand.WORSE, compared=compared, worse=worse, look=look)
    suspects = [each.metric for each in compared if each.reaches(limit_of(each.metric, policy).suspect)]
    if not suspects:
        return Standing(stand=Stand.HELD, compared=compared, look=look)
    return _second_look(suspects, compared, baseline, valid, controls, policy)


def _second_look(
    suspects: Sequence[Metric],
    seen: Sequence[Comparison],
    baseline: Baseline,
    valid: Sequence[Slot],
    controls: Controls,
    policy: MonitorPolicy,
) -> Standing:
    """The second look, over 10 valid slots, at what was unclear in the first and nothing else."""
    if len(valid) < policy.more_slots:
        return Standing(stand=Stand.EXTENDED, compared=seen)
    look = valid[: policy.more_slots]
    compared = compare(suspects, baseline, look, controls)
    above = policy.more_slots_above
    worse = next(
        (each for each in compared if each.worse_at_last(limit_of(each.metric, policy), above)), None
    )
    if worse is not None:
        return Standing(stand=Stand.WORSE, compared=compared, worse=worse, look=look)
    if len(compared) < len(suspects):
        return Standing(stand=Stand.BLIND)
    others = [each for each in seen if each.metric not in suspects]
    return Standing(stand=Stand.HELD, compared=[*compared, *others], look=look)
