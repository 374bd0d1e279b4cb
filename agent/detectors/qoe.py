"""EMERGENCY_QOE: a radio serves its clients far worse than it usually does. Pure.

Everything is held against the radio's own history, slot by slot, and against what the other radios of the
band did meanwhile: what hits the whole site is no radio's emergency.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from agent.detectors.recent import TRAFFIC, mean, pooled, ppm, recent, shares
from agent.detectors.sight import Finding, Presence, Sight
from agent.detectors.usual import slots_of, usual, usual_in_peace
from agent.events import EventKind
from agent.observation import Observation
from agent.slots import Slot
from inventory.model import RadioKey, ap_of

SLOTS = 3
"""Slots in a row that are an emergency, of retries, failed frames or clients that leave."""

RATE_SLOTS = 5
"""Of bytes per air time, which a client that walks away lowers too."""

OWN_SHARE = 0.1
"""Of the air. A radio that sends less spends much of it on beacons: its bytes per air time fall when people
go to lunch."""

MOST_CONTROLS = 20
"""More of them say nothing new, and each costs time."""

DISCONNECT_TIMES = 3.0
"""Times the usual."""

DISCONNECT_CLEAR = 0.5
"""Of what raises it."""

EVERY, MARGIN = 4, 1.5
"""The first look takes every fourth observation, and what is near an emergency for one."""

CONFIDENCE_PPM = 900_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One way to be served badly. ``cost``: more is worse, None = not reported. ``times`` the usual and at
    least ``floor`` in ``slots`` slots is an emergency; below ``clear_times`` or ``clear_floor`` is none."""

    what: str
    cost: Callable[[Slot], float | None]
    slots: int
    times: float
    floor: float
    clear_times: float
    clear_floor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A measure over the newest slots, against ``usual`` times what the controls did, ``c``."""

    measure: Measure
    costs: Sequence[float]
    usual: float
    c: float

    @property
    def limit(self) -> float:
        return max(self.measure.floor, self.measure.times * self.c * self.usual)

    @property
    def there(self) -> bool:
        newest = self.costs[-self.measure.slots :]
        return len(newest) == self.measure.slots and all(cost >= self.limit for cost in newest)

    def over(self, slots: int) -> bool:
        level = max(self.measure.clear_floor, self.measure.clear_times * self.c * self.usual)
        return len(self.costs) >= slots and all(cost < level for cost in self.costs[-slots:])


def qoe(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    """The first measure that is an emergency; over when none that is reported is near one any more."""
    is_open = sight.key in open_keys
    if not is_open and not _worth_a_look(sight):
        return ()
    standings = tuple(_standings(sight, ()))
    if any(each.there for each in standings):
        standings = tuple(_standings(sight, _controls(sight)))
    there = next((each for each in standings if each.there), None)
    if there is not None:
        return (_finding(sight, Presence.THERE, there),)
    clear = sight.policy.clear_samples
    if is_open and standings and all(each.over(clear) for each in standings):
        return (_finding(sight, Presence.OVER, standings[0]),)
    return ()


def measures(sight: Sight) -> tuple[Measure, ...]:
    """What is looked at, the surest first."""
    policy = sight.policy
    times, clear = policy.qoe_times, policy.qoe_clear_times
    lower = clear / times
    rate = 1.0 / policy.qoe_rate_ratio if policy.qoe_rate_ratio > 0 else float("inf")
    gone = policy.qoe_disconnects_per_minute
    return (
        Measure(
            what="retry",
            cost=lambda slot: slot.retry_ratio,
            slots=SLOTS,
            times=times,
            floor=policy.qoe_retry_floor,
            clear_times=clear,
            clear_floor=lower * policy.qoe_retry_floor,
        ),
        Measure(
            what="per",
            cost=lambda slot: slot.per,
            slots=SLOTS,
            times=times,
            floor=policy.qoe_per_floor,
            clear_times=clear,
            clear_floor=lower * policy.qoe_per_floor,
        ),
        Measure(
            what="rate",
            cost=_air_per_byte,
            slots=RATE_SLOTS,
            times=rate,
            floor=0.0,
            clear_times=min(clear, rate),
            clear_floor=0.0,
        ),
        Measure(
            what="disconnects",
            cost=lambda slot: slot.disconnects_per_minute,
            slots=SLOTS,
            times=DISCONNECT_TIMES,
            floor=gone,
            clear_times=DISCONNECT_CLEAR * DISCONNECT_TIMES,
            clear_floor=DISCONNECT_CLEAR * gone,
        ),
    )


def _air_per_byte(slot: Slot) -> float | None:
    if slot.tx_ratio is None or slot.tx_ratio < OWN_SHARE or not slot.bytes_per_airtime:
        return None
    return 1.0 / slot.bytes_per_airtime


# -- a cheap first look -----------------------------------------------------------------------------------


def _worth_a_look(sight: Sight) -> bool:
    """False when the last slot's worth of frames already rules an emergency out: that is nearly always."""
    policy, newest = sight.policy, sight.observations[-2:]
    _, retry, per = pooled(newest)
    if (retry or 0.0) >= policy.qoe_retry_floor or (per or 0.0) >= policy.qoe_per_floor:
        return True
    span_s = sum(seen.span_s for seen in newest)
    left = sum(seen.left or seen.disconnects or 0 for seen in newest)
    if span_s and left * 60.0 / span_s >= policy.qoe_disconnects_per_minute:
        return True
    if (mean(seen.tx_ratio for seen in newest) or 0.0) < OWN_SHARE:
        return False
    now, ever = _rate(newest), _rate(sight.observations[::EVERY])
    return now is not None and ever is not None and now < MARGIN * policy.qoe_rate_ratio * ever


def _rate(observations: Sequence[Observation]) -> float | None:
    both = [(o.bytes, o.tx_airtime_ms) for o in observations if o.bytes is not None and o.tx_airtime_ms]
    air_ms = sum(air or 0 for _, air in both)
    return sum(size or 0 for size, _ in both) / air_ms if air_ms else None


# -- against the radio's own history ----------------------------------------------------------------------


def _standings(sight: Sight, controls: Sequence[Sequence[Slot]]) -> Iterator[Standing]:
    """Each measure that the newest slots and enough earlier ones report."""
    slots = slots_of(sight, sight.observations, _gone_for_good(sight))
    newest = _newest(sight, slots)
    before = [slot for slot in slots[: len(slots) - RATE_SLOTS] if slot.valid]
    for measure in measures(sight):
        costs = _costs(measure, newest)
        level = _usual(sight, measure, _costs(measure, before))
        if level is not None and len(costs) == len(newest) and costs:
            c = _c(sight, measure, newest[-measure.slots :], controls)
            yield Standing(measure=measure, costs=costs, usual=level, c=c)


def _usual(sight: Sight, measure: Measure, costs: Sequence[float]) -> float | None:
    if measure.what == "disconnects":
        return usual(sight, costs)
    return usual_in_peace(sight, costs, measure.times, measure.floor)


def _costs(measure: Measure, slots: Sequence[Slot]) -> list[float]:
    return [cost for slot in slots if (cost := measure.cost(slot)) is not None]


def _newest(sight: Sight, slots: Sequence[Slot]) -> Sequence[Slot]:
    """The last slots that are valid, fresh, joined and on the present channel; at most `RATE_SLOTS`."""
    fresh = tuple(recent(sight, lambda seen: seen.frames, TRAFFIC))
    if not fresh:
        return ()
    start_s = fresh[-1].seen.start_s
    found: list[Slot] = []
    for slot in reversed(slots[-RATE_SLOTS:]):
        if not slot.valid or slot.start_s < start_s:
            break
        found.append(slot)
    return found[::-1]


def _gone_for_good(sight: Sight) -> frozenset[str]:
    """MACs that left and are not back on this radio: they roamed, or went home. A radio that throws its
    clients out sees them again; a lecture that ends is no emergency."""
    gone = frozenset[str]().union(*(seen.gone or () for seen in sight.observations))
    reading = sight.at.reading
    here = reading.clients if reading is not None and reading.clients is not None else ()
    return gone - {client.mac for client in here}


# -- against the other radios -----------------------------------------------------------------------------


def _controls(sight: Sight) -> Sequence[Sequence[Slot]]:
    """Slots of other APs' radios of the band."""
    mine = sight.at.radio.band
    keys: Iterator[RadioKey] = (
        key
        for key, other in sight.view.radios.items()
        if other.radio.band is mine and ap_of(key) != ap_of(sight.key) and other.on_air
    )
    histories = (sight.histories.get(key, ()) for key in keys)
    return [slots_of(sight, seen) for seen in islice((h for h in histories if h), MOST_CONTROLS)]


def _c(sight: Sight, measure: Measure, newest: Sequence[Slot], controls: Sequence[Sequence[Slot]]) -> float:
    """Median of after/before over at least `min_controls` radios, clamped; without controls 1."""
    policy = sight.view.site.policy.monitor
    ratios = [
        ratio for slots in controls if (ratio := _ratio(sight, measure, newest[0].start_s, slots)) is not None
    ]
    if len(ratios) < policy.min_controls:
        return 1.0
    low, high = policy.control_clamp
    return min(high, max(low, median(ratios)))


def _ratio(sight: Sight, measure: Measure, since_s: float, slots: Sequence[Slot]) -> float | None:
    valid = [slot for slot in slots if slot.valid]
    before = usual(sight, _costs(measure, [slot for slot in valid if slot.end_s <= since_s]))
    after = _costs(measure, [slot for slot in valid if slot.end_s > since_s])
    return median(after) / before if after and before else None


def _finding(sight: Sight, presence: Presence, standing: Standing) -> Finding:
    last = sight.observations[-RATE_SLOTS:]
    return Finding(
        kind=EventKind.EMERGENCY_QOE,
        key=sight.key,
        presence=presence,
        radio=sight.key,
        severity="critical",
        confidence_ppm=CONFIDENCE_PPM,
        evidence={"what": standing.measure.what, **shares(last), **_numbers(standing)},
    )


def _numbers(standing: Standing) -> Mapping[str, int]:
    """What decided: the newest cost, the usual one, and what the controls did, in ppm; of the rate its share
    of the usual."""
    c = {"c_ppm": ppm(standing.c)}
    now, level = standing.costs[-1], standing.usual
    if standing.measure.what == "rate":
        return {"rate_ppm": ppm(level / now) if now else 0, **c}
    if standing.measure.what == "disconnects":
        return {"per_minute": round(now), "usual_per_minute": round(level), **c}
    return {f"{standing.measure.what}_ppm": ppm(now), "usual_ppm": ppm(level), **c}
