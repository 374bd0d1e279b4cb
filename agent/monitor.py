"""Did a change do harm? Slots after the ack are held against the baseline that was frozen before the write.

The rule is explained in `docs/monitor.md`; all its numbers are the site's `MonitorPolicy`. Pure: `judge` may
be asked at every poll, and its answer depends on its arguments alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType

from agent.baseline import Baseline
from agent.comparison import Comparison, Controls, RadioSeries
from agent.departures import ClientCensus, clients_lost, disconnects
from agent.judgement import Code, Effect, Judgement, Verdict
from agent.metric import JUDGED, NEIGHBOUR_JUDGED, Metric, cost_of, values_of
from agent.slots import Slot
from agent.standing import Stand, Standing, standing_of
from agent.timetable import Timetable
from inventory.model import MonitorPolicy, RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentBefore:
    """What the change was to relieve: a metric of the changed radio and its value when it was decided."""

    metric: Metric
    before: float


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
    times = Timetable(ack_s=ack_s, now_s=now_s, slot_s=slot_s, policy=policy)
    slots = times.ripe(after)
    harm = (
        _critical(critical_event)
        or clients_lost(census, times, policy)
        or disconnects(baseline, slots, policy)
    )
    if harm is not None:
        return harm
    if baseline is None:
        return _undecided(Code.NO_BASELINE, slots, times)
    meanwhile = Controls(controls, policy)
    own = standing_of(JUDGED, baseline, slots, meanwhile, policy)
    if own.worse is not None:
        return _worse(own, own.worse, slots)
    near = [_neighbour(each, meanwhile, times) for each in neighbours]
    return _harmed(near) or _not_worse(own, slots, near, times, incident)


def new_critical(raised: Iterable[tuple[str, str]], known: frozenset[str]) -> str | None:
    """The key of a critical event on the changed radio that is not radar and was not open before.

    ``raised``: (kind, de-duplication key) of the critical events since the ack; ``known``: keys before.
    """
    return next((key for kind, key in raised if kind != "DFS_RADAR" and key not in known), None)


def _critical(event: str | None) -> Judgement | None:
    """A new critical event on that radio, not radar, with a new key: WORSE at once."""
    return Judgement(verdict=Verdict.WORSE, code=Code.CRITICAL_EVENT) if event is not None else None


_WORSE_CODE = MappingProxyType(
    {
        Metric.RETRY: (Code.RETRY, Code.NEIGHBOUR_RETRY),
        Metric.PER: (Code.PER, Code.NEIGHBOUR_PER),
        Metric.BYTES_PER_AIRTIME: (Code.THROUGHPUT, Code.THROUGHPUT),
    }
)


def _worse(
    standing: Standing, worst: Comparison, slots: Sequence[Slot], sufferer: RadioKey | None = None
) -> Judgement:
    code = _WORSE_CODE[worst.metric][0 if sufferer is None else 1]
    return Judgement(
        verdict=Verdict.WORSE,
        code=code,
        params=MappingProxyType(_counts(slots) | worst.params()),
        effect=tuple(each.effect() for each in standing.compared),
        sufferer=sufferer,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Neighbour:
    key: RadioKey
    slots: Sequence[Slot]
    standing: Standing
    pending: bool


def _neighbour(series: RadioSeries, controls: Controls, times: Timetable) -> _Neighbour:
    slots = times.ripe(series.after)
    standing = standing_of(NEIGHBOUR_JUDGED, series.baseline, slots, controls, times.policy)
    pending = _pending(standing.stand, slots, times.of(series.refresh_s))
    return _Neighbour(key=series.key, slots=slots, standing=standing, pending=pending)


def _pending(stand: Stand, slots: Sequence[Slot], times: Timetable) -> bool:
    """True while a neighbour may still turn out to be harmed. One that is idle is not waited for longer than
    its first look takes, a suspect one no longer than its 15 slots."""
    if stand is Stand.OPEN:
        return len(slots) < times.policy.slots and not times.passed(times.policy.slots)
    return stand is Stand.EXTENDED and not times.exhausted(slots)


def _harmed(neighbours: Iterable[_Neighbour]) -> Judgement | None:
    """Co-channel neighbours are put to the same test: a change that helps itself by harming them is WORSE."""
    for each in neighbours:
        if each.standing.worse is not None:
            return _worse(each.standing, each.standing.worse, each.slots, each.key)
    return None


def _not_worse(
    own: Standing,
    slots: Sequence[Slot],
    neighbours: Sequence[_Neighbour],
    times: Timetable,
    incident: IncidentBefore | None,
) -> Judgement:
    """Otherwise HELD, once everything that could still speak against it has been heard. Neighbours are not
    waited for longer than the 15 slots of the changed radio."""
    if own.stand is Stand.EXTENDED:
        return _undecided(Code.EXTENDED, slots, times)
    if own.stand is not Stand.HELD:
        return _undecided(Code.WAITING, slots, times)
    pending = any(each.pending for each in neighbours) and not times.exhausted(slots)
    if pending or times.now_s < times.census_s:
        return _waiting(Code.WAITING, slots, times)
    return _held(own, slots, incident, times.policy)


def _held(
    own: Standing, slots: Sequence[Slot], incident: IncidentBefore | None, policy: MonitorPolicy
) -> Judgement:
    """HELD with the measured effect; INEFFECTIVE when the incident it was for is not relieved by 20 %."""
    params = _counts(slots) | {"look_slots": len(own.look)}
    effect = tuple(each.effect() for each in own.compared)
    values = values_of(incident.metric, own.look) if incident else []
    if incident is None or not values:
        return Judgement(verdict=Verdict.HELD, code=Code.HELD, params=MappingProxyType(params), effect=effect)
    metric, after = incident.metric, median(values)
    relieved = cost_of(metric, after) <= (1 - policy.relief_ratio) * cost_of(metric, incident.before)
    measured = Effect(metric=metric, before=incident.before, after=after, c=1.0)
    return Judgement(
        verdict=Verdict.HELD if relieved else Verdict.INEFFECTIVE,
        code=Code.HELD if relieved else Code.NOT_RELIEVED,
        params=MappingProxyType(params),
        effect=(measured, *(each for each in effect if each.metric is not metric)),
    )


def _undecided(code: Code, slots: Sequence[Slot], times: Timetable) -> Judgement:
    """Too few valid slots after 15: NO_DATA; before that, patience."""
    if not times.exhausted(slots):
        return _waiting(code, slots, times)
    return Judgement(
        verdict=Verdict.NO_DATA,
        code=Code.NO_BASELINE if code is Code.NO_BASELINE else Code.TOO_FEW_SLOTS,
        params=MappingProxyType(_counts(slots)),
        next_look_at=times.next_look(slots),
    )


def _waiting(code: Code, slots: Sequence[Slot], times: Timetable) -> Judgement:
    return Judgement(
        verdict=Verdict.TOO_EARLY,
        code=code,
        params=MappingProxyType(_counts(slots)),
        next_look_at=times.next_look(slots),
    )


def _counts(slots: Sequence[Slot]) -> dict[str, int]:
    return {"slots": len(slots), "valid_slots": sum(slot.valid for slot in slots)}
