"""Did a change do harm? A baseline is frozen before the write; slots after the ack are held against it.

The rule is explained in `docs/monitor.md`; all its numbers are the site's `MonitorPolicy`. Pure: `judge` may
be asked at every poll, and its answer depends on its arguments alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import median
from types import MappingProxyType
from typing import Any

from agent.observation import Slot
from inventory.model import MonitorPolicy, RadioKey


class Metric(StrEnum):
    """What is measured per slot. The first three decide; the others only tell relief."""

    RETRY = "retry_ratio"
    PER = "per"
    BYTES_PER_AIRTIME = "bytes_per_airtime"  # bytes per ms of own transmit air time; less is worse
    BUSY = "busy_ratio"
    NON_WIFI = "non_wifi_ratio"


class Verdict(StrEnum):
    HELD = "HELD"
    WORSE = "WORSE"
    INEFFECTIVE = "INEFFECTIVE"
    TOO_EARLY = "TOO_EARLY"
    NO_DATA = "NO_DATA"


class Code(StrEnum):
    """Why the verdict is what it is; goes into the audit."""

    HELD = "held"
    RETRY = "retry_worse"
    PER = "per_worse"
    THROUGHPUT = "throughput_worse"
    NEIGHBOUR_RETRY = "neighbour_retry_worse"
    NEIGHBOUR_PER = "neighbour_per_worse"
    CLIENTS_LOST = "clients_lost"
    DISCONNECTS = "disconnects"
    CRITICAL_EVENT = "critical_event"
    NOT_RELIEVED = "not_relieved"
    WAITING = "waiting"  # for slots, or for the look at the clients
    EXTENDED = "extended"  # the first look was unclear
    NO_BASELINE = "no_baseline"
    TOO_FEW_SLOTS = "too_few_slots"


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
class ClientCensus:
    """Who is left. Taken once, at the first poll round that is wholly later than 120 s after the ack.

    ``before``: MACs on the changed radio just before the write. ``controls_before``: those on the
    controls. ``site``: MACs anywhere on the site at ``at_s``. Kept in memory only.
    """

    at_s: float
    before: frozenset[str]
    site: frozenset[str]
    controls_before: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentBefore:
    """What the change was to relieve: a metric of the changed radio and its value when it was decided."""

    metric: Metric
    before: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What was measured: the median before, the median after, and what the controls did meanwhile (``c``)."""

    metric: Metric
    before: float
    after: float
    c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, its reason and its evidence. ``params``: integers (ratios in ppm) for the audit.

    ``next_look_at``: when there can be more to say, monotonic seconds; None when the verdict is final.
    ``sufferer``: the neighbour that got worse, if that is the reason.
    """

    verdict: Verdict
    code: Code
    params: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    effect: tuple[Effect, ...] = ()
    next_look_at: float | None = None
    sufferer: RadioKey | None = None

    @property
    def final(self) -> bool:
        return self.verdict in (Verdict.HELD, Verdict.WORSE, Verdict.INEFFECTIVE)


# The baseline.

JUDGED = (Metric.RETRY, Metric.PER, Metric.BYTES_PER_AIRTIME)
NEIGHBOUR_JUDGED = (Metric.RETRY, Metric.PER)


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


def _level(metric: Metric, slots: Sequence[Slot], policy: MonitorPolicy) -> Level | None:
    values = _values(metric, slots)
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


# One metric of one radio, before and after. Everything is compared as a cost: more is worse.


def _value(metric: Metric, slot: Slot) -> float | None:
    match metric:
        case Metric.RETRY:
            return slot.retry_ratio
        case Metric.PER:
            return slot.per
        case Metric.BYTES_PER_AIRTIME:
            return slot.bytes_per_airtime
        case Metric.BUSY:
            return slot.busy_ratio
        case Metric.NON_WIFI:
            return slot.non_wifi_ratio


def _values(metric: Metric, slots: Iterable[Slot]) -> list[float]:
    return [value for slot in slots if (value := _value(metric, slot)) is not None]


def _cost(metric: Metric, value: float) -> float:
    """The metric turned so that more is worse: bytes per air time becomes air time per byte."""
    if metric is not Metric.BYTES_PER_AIRTIME:
        return value
    return 1 / value if value > 0 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """First-look and second-look ratio to c b, and the distance from it, below which nothing is worse."""

    worse: float
    suspect: float
    floor: float


def _limit(metric: Metric, policy: MonitorPolicy) -> _Limit:
    """Throughput has one threshold, -40 %, in both looks; its ratio needs no floor."""
    if metric is Metric.BYTES_PER_AIRTIME:
        ratio = 1 / policy.throughput_ratio
        return _Limit(worse=ratio, suspect=ratio, floor=0.0)
    floor = policy.retry_floor if metric is Metric.RETRY else policy.per_floor
    return _Limit(worse=policy.worse_ratio, suspect=policy.suspect_ratio, floor=floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One metric held against its baseline over the slots of one look. All costs; ``above``: beyond c q."""

    metric: Metric
    slots: int
    median: float
    level: Level
    c: float
    above: int

    @property
    def b(self) -> float:
        return _cost(self.metric, self.level.b)

    def reaches(self, ratio: float) -> bool:
        """Median >= ratio x c b."""
        return self.median >= ratio * self.c * self.b

    def clears(self, floor: float) -> bool:
        """So many points above c b: a ratio alone means nothing at 1 % retries."""
        return self.median - self.c * self.b >= floor

    def worse_at_first(self, limit: _Limit) -> bool:
        """Median >= 2 c b, at least 3 points (retry) or 1 point (PER) above c b, all 5 above c q."""
        return self.reaches(limit.worse) and self.clears(limit.floor) and self.above == self.slots

    def worse_at_last(self, limit: _Limit, above: int) -> bool:
        """Still >= 1.3 c b with the same floor, and at least 8 of 10 above c q."""
        return self.reaches(limit.suspect) and self.clears(limit.floor) and self.above >= above

    def effect(self) -> Effect:
        after = _cost(self.metric, self.median)  # its own inverse
        return Effect(metric=self.metric, before=self.level.b, after=after, c=self.c)

    def params(self) -> dict[str, int]:
        """The numbers of the decision as integers: ratios in ppm, throughput in bytes per second of air."""
        scale, unit = (1e3, "bytes_per_s") if self.metric is Metric.BYTES_PER_AIRTIME else (1e6, "ppm")
        after = _cost(self.metric, self.median)
        return {
            "look_slots": self.slots,
            "above": self.above,
            "c_ppm": round(self.c * 1e6),
            f"before_{unit}": round(self.level.b * scale),
            f"before_q_{unit}": round(self.level.q * scale),
            f"after_{unit}": round(min(after, 1e15) * scale),
        }


def _tests(
    metrics: Iterable[Metric],
    baseline: Baseline,
    look: Sequence[Slot],
    controls: Sequence[RadioSeries],
    policy: MonitorPolicy,
) -> list[_Test]:
    """The metrics that have a baseline and that every slot of the look reports."""
    meanwhile = [
        (control.baseline, _during(control.after, look[0].start_s, look[-1].end_s)) for control in controls
    ]
    return [
        _test(metric, baseline.levels[metric], look, _c(metric, meanwhile, policy))
        for metric in metrics
        if metric in baseline.levels and len(_values(metric, look)) == len(look)
    ]


def _test(metric: Metric, level: Level, look: Sequence[Slot], c: float) -> _Test:
    costs = [_cost(metric, value) for value in _values(metric, look)]
    bound = c * _cost(metric, level.q)
    return _Test(
        metric=metric,
        slots=len(look),
        median=median(costs),
        level=level,
        c=c,
        above=sum(cost > bound for cost in costs),
    )


def _c(metric: Metric, controls: Iterable[tuple[Baseline, Sequence[Slot]]], policy: MonitorPolicy) -> float:
    """Median of after/before over at least 3 controls, clamped to 1..2; without controls 1.

    A control's "after" is its median over the time of the look, of which its valid slots cover half or more.
    """
    found = (_after_to_before(metric, baseline, slots) for baseline, slots in controls)
    ratios = [ratio for ratio in found if ratio is not None]
    if len(ratios) < policy.min_controls:
        return 1.0
    lowest, highest = policy.control_clamp
    return min(highest, max(lowest, median(ratios)))


def _during(slots: Iterable[Slot], start_s: float, end_s: float) -> list[Slot]:
    """Valid slots within a time, or none when they cover less than half of it."""
    inside = [slot for slot in slots if slot.valid and slot.start_s >= start_s and slot.end_s <= end_s]
    covered_s = sum(slot.end_s - slot.start_s for slot in inside)
    return inside if 2 * covered_s >= end_s - start_s else []


def _after_to_before(metric: Metric, baseline: Baseline, slots: Sequence[Slot]) -> float | None:
    level = baseline.levels.get(metric)
    costs = [_cost(metric, value) for value in _values(metric, slots)]
    before = _cost(metric, level.b) if level else 0.0
    if not costs or not 0 < before < float("inf"):
        return None
    return median(costs) / before


# One radio: own or neighbour.


class _Stand(StrEnum):
    HELD = "held"
    WORSE = "worse"
    OPEN = "open"  # too few valid slots for the first look
    EXTENDED = "extended"  # too few valid slots for the second look
    BLIND = "blind"  # enough slots, but no metric in common with the baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """How one radio stands, the metric that makes it worse, and the slots that were looked at."""

    stand: _Stand
    tests: Sequence[_Test] = ()
    worse: _Test | None = None
    look: Sequence[Slot] = ()


def _standing(
    metrics: Sequence[Metric],
    baseline: Baseline,
    after: Sequence[Slot],
    controls: Sequence[RadioSeries],
    policy: MonitorPolicy,
) -> _Standing:
    """The first look, over 5 valid slots: WORSE, or HELD for good, or extended to 10 at >= 1.3 c b."""
    valid = [slot for slot in after if slot.valid]
    if len(valid) < policy.slots:
        return _Standing(stand=_Stand.OPEN)
    look = valid[: policy.slots]
    tests = _tests(metrics, baseline, look, controls, policy)
    if not tests:
        return _Standing(stand=_Stand.BLIND)
    worse = next((test for test in tests if test.worse_at_first(_limit(test.metric, policy))), None)
    if worse is not None:
        return _Standing(stand=_Stand.WORSE, tests=tests, worse=worse, look=look)
    suspects = [test.metric for test in tests if test.reaches(_limit(test.metric, policy).suspect)]
    if not suspects:
        return _Standing(stand=_Stand.HELD, tests=tests, look=look)
    return _second_look(suspects, tests, baseline, valid, controls, policy)


def _second_look(
    suspects: Sequence[Metric],
    seen: Sequence[_Test],
    baseline: Baseline,
    valid: Sequence[Slot],
    controls: Sequence[RadioSeries],
    policy: MonitorPolicy,
) -> _Standing:
    """The second look, over 10 valid slots, at what was unclear in the first and nothing else."""
    if len(valid) < policy.more_slots:
        return _Standing(stand=_Stand.EXTENDED, tests=seen)
    look = valid[: policy.more_slots]
    tests = _tests(suspects, baseline, look, controls, policy)
    above = policy.more_slots_above
    worse = next((test for test in tests if test.worse_at_last(_limit(test.metric, policy), above)), None)
    if worse is not None:
        return _Standing(stand=_Stand.WORSE, tests=tests, worse=worse, look=look)
    if len(tests) < len(suspects):
        return _Standing(stand=_Stand.BLIND)
    others = [test for test in seen if test.metric not in suspects]
    return _Standing(stand=_Stand.HELD, tests=[*tests, *others], look=look)


# The verdict.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """When the monitoring began, what time it is, and how long a slot of this radio is."""

    ack_s: float
    now_s: float
    slot_s: float
    policy: MonitorPolicy

    @property
    def start_s(self) -> float:
        """30 s after the ack."""
        return self.ack_s + self.policy.settle_s

    def passed(self, slots: int) -> bool:
        """True when a radio that is always on air must have had so many slots; one more for its phase."""
        return self.now_s >= self.start_s + (slots + 1) * self.slot_s

    def of(self, other: RadioSeries) -> _Times:
        """The same times for a radio with another refresh interval."""
        return replace(self, slot_s=max(self.policy.slot_s, other.refresh_s))

    def ripe(self, slots: Iterable[Slot]) -> list[Slot]:
        """Slots that lie wholly between start and now."""
        return [slot for slot in slots if slot.start_s >= self.start_s and slot.end_s <= self.now_s]

    @property
    def census_s(self) -> float:
        return self.ack_s + self.policy.lost_client_after_s

    def next_look(self, slots: Sequence[Slot]) -> float:
        """When the next slot can end, or the look at the clients is due, whichever is first."""
        slot_ends = max(slots[-1].end_s if slots else self.start_s, self.now_s - self.slot_s) + self.slot_s
        return min(slot_ends, self.census_s) if self.now_s < self.census_s else slot_ends


def judge(
    *,
    baseline: Baseline | None,
    after: Sequence[Slot],
    controls: Sequence[RadioSeries] = (),
    neighbours: Sequence[RadioSeries] = (),
    census: ClientCensus | None = None,
    critical_event: str | None = None,
    incident: IncidentBefore | None = None,
    ack_s: float,
    now_s: float,
    policy: MonitorPolicy,
    refresh_s: float = 0.0,
) -> Judgement:
    """What can be said of a change now.

    ``after``: the changed radio's slots since the ack (after CAC, where there is one) + settling; earlier
    ones are ignored. ``critical_event``: from `new_critical`. ``incident``: what the change was to relieve.
    ``refresh_s``: the device's own refresh interval. Without a baseline the rules on clients and critical
    events still work. NO_DATA is not final: asked again with more slots, there may be a verdict.
    """
    slot_s = max(policy.slot_s, refresh_s)
    times = _Times(ack_s=ack_s, now_s=now_s, slot_s=slot_s, policy=policy)
    slots = times.ripe(after)
    harm = (
        _critical(critical_event)
        or _clients_lost(census, times, policy)
        or _disconnects(baseline, slots, policy)
    )
    if harm is not None:
        return harm
    if baseline is None:
        return _undecided(Code.NO_BASELINE, slots, times)
    own = _standing(JUDGED, baseline, slots, controls, policy)
    if own.worse is not None:
        return _worse(own, own.worse, slots)
    near = [_neighbour(each, controls, times) for each in neighbours]
    return _harmed(near) or _not_worse(own, slots, near, times, incident)


def new_critical(raised: Iterable[tuple[str, str]], known: frozenset[str]) -> str | None:
    """The key of a critical event on the changed radio that is not radar and was not open before.

    ``raised``: (kind, de-duplication key) of the critical events since the ack; ``known``: keys before.
    """
    return next((key for kind, key in raised if kind != "DFS_RADAR" and key not in known), None)


def _critical(event: str | None) -> Judgement | None:
    """A new critical event on that radio, not radar, with a new key: WORSE at once."""
    return Judgement(verdict=Verdict.WORSE, code=Code.CRITICAL_EVENT) if event is not None else None


def _clients_lost(census: ClientCensus | None, times: _Times, policy: MonitorPolicy) -> Judgement | None:
    """>= 3 and >= 50 % of the clients before nowhere on the site 120 s after the ack, while the controls
    lost < 20 %: WORSE."""
    if census is None or not times.census_s <= census.at_s <= times.now_s:
        return None
    lost = len(census.before - census.site)
    if lost < policy.lost_clients or lost < policy.lost_client_ratio * len(census.before):
        return None
    controls = len(census.controls_before)
    control_lost = len(census.controls_before - census.site) / controls if controls else 0.0
    if control_lost >= policy.control_lost_ratio:
        return None
    params = {
        "clients_before": len(census.before),
        "clients_lost": lost,
        "controls_lost_ppm": round(control_lost * 1e6),
    }
    return Judgement(verdict=Verdict.WORSE, code=Code.CLIENTS_LOST, params=MappingProxyType(params))


def _disconnects(baseline: Baseline | None, slots: Sequence[Slot], policy: MonitorPolicy) -> Judgement | None:
    """Distinct disconnections that are not roams > max(10, 10 % of clients, 3 x baseline) per minute in 3 of
    5 slots: WORSE. The clients are those before the change."""
    first = [slot for slot in slots if slot.valid][: policy.slots]
    most = _most_disconnects(baseline, policy)
    rates = [slot.disconnects_per_minute for slot in first if slot.disconnects_per_minute is not None]
    above = sum(rate > most for rate in rates)
    if above < policy.disconnect_slots:
        return None
    params = {
        "above": above,
        "limit_milli_per_minute": round(most * 1e3),
        "after_milli_per_minute": round(median(rates) * 1e3),
    }
    return Judgement(verdict=Verdict.WORSE, code=Code.DISCONNECTS, params=MappingProxyType(params))


def _most_disconnects(baseline: Baseline | None, policy: MonitorPolicy) -> float:
    clients = (baseline.clients if baseline else None) or 0
    before = (baseline.disconnects_per_minute if baseline else None) or 0.0
    return max(
        policy.disconnects_per_minute,
        policy.disconnect_client_ratio * clients,
        policy.disconnect_baseline_ratio * before,
    )


_WORSE_CODE = MappingProxyType(
    {
        Metric.RETRY: (Code.RETRY, Code.NEIGHBOUR_RETRY),
        Metric.PER: (Code.PER, Code.NEIGHBOUR_PER),
        Metric.BYTES_PER_AIRTIME: (Code.THROUGHPUT, Code.THROUGHPUT),
    }
)


def _worse(
    standing: _Standing, test: _Test, slots: Sequence[Slot], sufferer: RadioKey | None = None
) -> Judgement:
    code = _WORSE_CODE[test.metric][0 if sufferer is None else 1]
    return Judgement(
        verdict=Verdict.WORSE,
        code=code,
        params=MappingProxyType(_counts(slots) | test.params()),
        effect=tuple(each.effect() for each in standing.tests),
        sufferer=sufferer,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Neighbour:
    key: RadioKey
    slots: Sequence[Slot]
    standing: _Standing
    pending: bool


def _neighbour(series: RadioSeries, controls: Sequence[RadioSeries], times: _Times) -> _Neighbour:
    slots = times.ripe(series.after)
    standing = _standing(NEIGHBOUR_JUDGED, series.baseline, slots, controls, times.policy)
    pending = _pending(standing.stand, slots, times.of(series))
    return _Neighbour(key=series.key, slots=slots, standing=standing, pending=pending)


def _pending(stand: _Stand, slots: Sequence[Slot], times: _Times) -> bool:
    """True while a neighbour may still turn out to be harmed. One that is idle is not waited for longer than
    its first look takes, a suspect one no longer than its 15 slots."""
    if stand is _Stand.OPEN:
        return len(slots) < times.policy.slots and not times.passed(times.policy.slots)
    return stand is _Stand.EXTENDED and not _exhausted(slots, times)


def _harmed(neighbours: Iterable[_Neighbour]) -> Judgement | None:
    """Co-channel neighbours are put to the same test: a change that helps itself by harming them is WORSE."""
    for each in neighbours:
        if each.standing.worse is not None:
            return _worse(each.standing, each.standing.worse, each.slots, each.key)
    return None


def _not_worse(
    own: _Standing,
    slots: Sequence[Slot],
    neighbours: Sequence[_Neighbour],
    times: _Times,
    incident: IncidentBefore | None,
) -> Judgement:
    """Otherwise HELD, once everything that could still speak against it has been heard. Neighbours are not
    waited for longer than the 15 slots of the changed radio."""
    if own.stand is _Stand.EXTENDED:
        return _undecided(Code.EXTENDED, slots, times)
    if own.stand is not _Stand.HELD:
        return _undecided(Code.WAITING, slots, times)
    pending = any(each.pending for each in neighbours) and not _exhausted(slots, times)
    if pending or times.now_s < times.census_s:
        return _waiting(Code.WAITING, slots, times)
    return _held(own, slots, incident, times.policy)


def _held(
    own: _Standing, slots: Sequence[Slot], incident: IncidentBefore | None, policy: MonitorPolicy
) -> Judgement:
    """HELD with the measured effect; INEFFECTIVE when the incident it was for is not relieved by 20 %."""
    params = _counts(slots) | {"look_slots": len(own.look)}
    effect = tuple(test.effect() for test in own.tests)
    values = _values(incident.metric, own.look) if incident else []
    if incident is None or not values:
        return Judgement(verdict=Verdict.HELD, code=Code.HELD, params=MappingProxyType(params), effect=effect)
    metric, after = incident.metric, median(values)
    relieved = _cost(metric, after) <= (1 - policy.relief_ratio) * _cost(metric, incident.before)
    measured = Effect(metric=metric, before=incident.before, after=after, c=1.0)
    return Judgement(
        verdict=Verdict.HELD if relieved else Verdict.INEFFECTIVE,
        code=Code.HELD if relieved else Code.NOT_RELIEVED,
        params=MappingProxyType(params),
        effect=(measured, *(each for each in effect if each.metric is not metric)),
    )


def _undecided(code: Code, slots: Sequence[Slot], times: _Times) -> Judgement:
    """Too few valid slots after 15: NO_DATA; before that, patience."""
    if not _exhausted(slots, times):
        return _waiting(code, slots, times)
    return Judgement(
        verdict=Verdict.NO_DATA,
        code=Code.NO_BASELINE if code is Code.NO_BASELINE else Code.TOO_FEW_SLOTS,
        params=MappingProxyType(_counts(slots)),
        next_look_at=times.next_look(slots),
    )


def _exhausted(slots: Sequence[Slot], times: _Times) -> bool:
    return len(slots) >= times.policy.max_slots or times.passed(times.policy.max_slots)


def _waiting(code: Code, slots: Sequence[Slot], times: _Times) -> Judgement:
    return Judgement(
        verdict=Verdict.TOO_EARLY,
        code=code,
        params=MappingProxyType(_counts(slots)),
        next_look_at=times.next_look(slots),
    )


def _counts(slots: Sequence[Slot]) -> dict[str, int]:
    return {"slots": len(slots), "valid_slots": sum(slot.valid for slot in slots)}
