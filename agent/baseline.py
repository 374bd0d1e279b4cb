"""How a radio did before a change: its baseline, frozen before the write. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from types import MappingProxyType
from typing import Any

from agent.metric import JUDGED, Metric, values_of
from agent.slots import Slot
from inventory.model import MonitorPolicy

TROUBLE_SLOTS = 3
"""How long trouble lasts at least before something is done about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Median ``b`` of a metric over ``n`` slots, and ``q``, beyond which the worse fifth of them lies."""

    b: float
    q: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How a radio did before a change, frozen with the rollback token. Holds no MAC.

    ``start_s``, ``end_s``: monotonic seconds, for the record only. ``slots``: how many valid ones.
    ``clients``: how many at the end; ``disconnects_per_minute``: median. None = not reported.
    """

    start_s: float
    end_s: float
    slots: int
    levels: Mapping[Metric, Level] = field(default_factory=lambda: MappingProxyType({}))
    clients: int | None = None
    disconnects_per_minute: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "start_s": self.start_s,
            "end_s": self.end_s,
            "slots": self.slots,
            "levels": {str(m): {"b": v.b, "q": v.q, "n": v.n} for m, v in self.levels.items()},
            "clients": self.clients,
            "disconnects_per_minute": self.disconnects_per_minute,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Baseline:
        """The baseline that `to_json` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        levels = {Metric(name): Level(**level) for name, level in value["levels"].items()}
        rest = {name: value[name] for name in ("start_s", "end_s", "slots", "clients")}
        rate = value["disconnects_per_minute"]
        return cls(levels=MappingProxyType(levels), disconnects_per_minute=rate, **rest)


def baseline_of(slots: Iterable[Slot], policy: MonitorPolicy, *, before_s: float) -> Baseline | None:
    """The last 20 valid slots before the write (at least 10): median and 80th percentile of each metric.

    ``before_s``: when the write begins. A slot that ends later is refused, so a baseline can't be taken
    after the change. None: too few valid slots. A metric that fewer than 10 of them report has no level.
    """
    valid = [slot for slot in slots if slot.valid and slot.end_s <= before_s][-policy.baseline_slots :]
    if len(valid) < policy.baseline_min_slots:
        return None
    levels = {metric: level for metric in JUDGED if (level := _level(metric, valid, policy)) is not None}
    rates = [slot.disconnects_per_minute for slot in valid if slot.disconnects_per_minute is not None]
    return Baseline(
        start_s=valid[0].start_s,
        end_s=valid[-1].end_s,
        slots=len(valid),
        levels=MappingProxyType(levels),
        clients=valid[-1].clients,
        disconnects_per_minute=median(rates) if rates else None,
    )


def in_trouble(calm: Baseline, slots: Iterable[Slot], *, before_s: float) -> Baseline:
    """The baseline of a change that is made because of trouble: no better than the last slots before it.

    Undoing such a change goes back into the trouble and not to the calm before it, so what relieves only in
    part is not WORSE.
    """
    valid = [slot for slot in slots if slot.valid and slot.end_s <= before_s][-TROUBLE_SLOTS:]
    levels = {
        metric: _no_better(metric, level, values_of(metric, valid)) for metric, level in calm.levels.items()
    }
    return replace(calm, levels=MappingProxyType(levels))


def _no_better(metric: Metric, calm: Level, lately: Sequence[float]) -> Level:
    if not lately:
        return calm
    now = median(lately)
    worse = min if metric is Metric.BYTES_PER_AIRTIME else max
    return replace(calm, b=worse(calm.b, now), q=worse(calm.q, now))


def _level(metric: Metric, slots: Sequence[Slot], policy: MonitorPolicy) -> Level | None:
    values = values_of(metric, slots)
    if len(values) < policy.baseline_min_slots:
        return None
    rank = 0.2 if metric is Metric.BYTES_PER_AIRTIME else 0.8
    return Level(b=median(values), q=_quantile(values, rank), n=len(values))


def _quantile(values: Sequence[float], rank: float) -> float:
    """Quantile with linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996)."""
    ordered = sorted(values)
    below, part = divmod(rank * (len(ordered) - 1), 1)
    at = int(below)
    return ordered[at] + part * (ordered[min(at + 1, len(ordered) - 1)] - ordered[at])
