"""One metric of one radio, held against its baseline and against what the controls did meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from agent.baseline import Baseline, Level
from agent.judgement import Effect
from agent.metric import Metric, cost_of, costs_of, values_of
from agent.slots import Slot
from inventory.model import MonitorPolicy, RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioSeries:
    """Another radio: its own baseline, taken before the change, and its slots since ack + settling.

    As a control: unchanged, no RF neighbour, same band. As a neighbour: co-channel, at -82 dBm or more.
    ``refresh_s``: its device's own refresh interval.
    """

    key: RadioKey
    baseline: Baseline
    after: Sequence[Slot]
    refresh_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """First-look and second-look ratio to c b, and the distance from it, below which nothing is worse."""

    worse: float
    suspect: float
    floor: float


def limit_of(metric: Metric, policy: MonitorPolicy) -> Limit:
    """Throughput has one threshold, -40 %, in both looks; its ratio needs no floor."""
    if metric is Metric.BYTES_PER_AIRTIME:
        ratio = 1 / policy.throughput_ratio
        return Limit(worse=ratio, suspect=ratio, floor=0.0)
    floor = policy.retry_floor if metric is Metric.RETRY else policy.per_floor
    return Limit(worse=policy.worse_ratio, suspect=policy.suspect_ratio, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One metric held against its baseline over the slots of one look. All costs; ``above``: beyond c q."""

    metric: Metric
    slots: int
    median: float
    level: Level
    c: float
    above: int

    @property
    def b(self) -> float:
        return cost_of(self.metric, self.level.b)

    def reaches(self, ratio: float) -> bool:
        """Median >= ratio x c b."""
        return self.median >= ratio * self.c * self.b

    def clears(self, floor: float) -> bool:
        """So many points above c b: a ratio alone means nothing at 1 % retries."""
        return self.median - self.c * self.b >= floor

    def worse_at_first(self, limit: Limit) -> bool:
        """Median >= 2 c b, at least 2 points (retry) or 1 point (PER) above c b, all 5 above c q."""
        return self.reaches(limit.worse) and self.clears(limit.floor) and self.above == self.slots

    def worse_at_last(self, limit: Limit, above: int) -> bool:
        """Still >= 1.3 c b with the same floor, and at least 9 of 10 above c q."""
        return self.reaches(limit.suspect) and self.clears(limit.floor) and self.above >= above

    def effect(self) -> Effect:
        after = cost_of(self.metric, self.median)  # its own inverse
        return Effect(metric=self.metric, before=self.level.b, after=after, c=self.c)

    def params(self) -> dict[str, int]:
        """The numbers of the decision as integers: ratios in ppm, throughput in bytes per second of air."""
        scale, unit = (1e3, "bytes_per_s") if self.metric is Metric.BYTES_PER_AIRTIME else (1e6, "ppm")
        after = cost_of(self.metric, self.median)
        return {
            "look_slots": self.slots,
            "above": self.above,
            "c_ppm": round(self.c * 1e6),
            f"before_{unit}": round(self.level.b * scale),
            f"before_q_{unit}": round(self.level.q * scale),
            f"after_{unit}": round(min(after, 1e15) * scale),
        }


class Controls:
    """What the controls did during a look. The changed radio and its neighbours are looked at over the same
    times, so each answer is worked out once."""

    __slots__ = ("_c", "_meanwhile", "_policy", "_series")

    def __init__(self, series: Iterable[RadioSeries], policy: MonitorPolicy) -> None:
        self._series = tuple(series)
        self._policy = policy
        self._c: dict[tuple[Metric, float, float], float] = {}
        self._meanwhile: dict[tuple[float, float], list[tuple[Baseline, Sequence[Slot]]]] = {}

    def c(self, metric: Metric, look: Sequence[Slot]) -> float:
        """Median of after/before over at least 3 controls, clamped to 1..2; without controls 1.

        A control's "after" is its median over the time of the look, of which its valid slots cover half or
        more.
        """
        known = metric, look[0].start_s, look[-1].end_s
        if known not in self._c:
            self._c[known] = self._worked_out(*known)
        return self._c[known]

    def _worked_out(self, metric: Metric, start_s: float, end_s: float) -> float:
        found = (
            _after_to_before(metric, baseline, slots) for baseline, slots in self._during(start_s, end_s)
        )
        ratios = [ratio for ratio in found if ratio is not None]
        if len(ratios) < self._policy.min_controls:
            return 1.0
        lowest, highest = self._policy.control_clamp
        return min(highest, max(lowest, median(ratios)))

    def _during(self, start_s: float, end_s: float) -> list[tuple[Baseline, Sequence[Slot]]]:
        if (start_s, end_s) not in self._meanwhile:
            self._meanwhile[start_s, end_s] = [
                (each.baseline, _during(each.after, start_s, end_s)) for each in self._series
            ]
        return self._meanwhile[start_s, end_s]


def compare(
    metrics: Iterable[Metric],
    baseline: Baseline,
    look: Sequence[Slot],
    controls: Controls,
) -> list[Comparison]:
    """The metrics that have a baseline and that every slot of the look reports."""
    return [
        _compared(metric, baseline.levels[metric], look, controls.c(metric, look))
        for metric in metrics
        if metric in baseline.levels and len(values_of(metric, look)) == len(look)
    ]


def _compared(metric: Metric, level: Level, look: Sequence[Slot], c: float) -> Comparison:
    costs = costs_of(metric, look)
    bound = c * cost_of(metric, level.q)
    return Comparison(
        metric=metric,
        slots=len(look),
        median=median(costs),
        level=level,
        c=c,
        above=sum(cost > bound for cost in costs),
    )


def _during(slots: Iterable[Slot], start_s: float, end_s: float) -> list[Slot]:
    """Valid slots within a time, or none when they cover less than half of it."""
    inside = [slot for slot in slots if slot.valid and slot.start_s >= start_s and slot.end_s <= end_s]
    covered_s = sum(slot.end_s - slot.start_s for slot in inside)
    return inside if 2 * covered_s >= end_s - start_s else []


def _after_to_before(metric: Metric, baseline: Baseline, slots: Sequence[Slot]) -> float | None:
    level = baseline.levels.get(metric)
    costs = costs_of(metric, slots)
    before = cost_of(metric, level.b) if level else 0.0
    if not costs or not 0 < before < float("inf"):
        return None
    return median(costs) / before
