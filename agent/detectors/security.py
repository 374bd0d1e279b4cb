"""SECURITY of one radio: thrown-out clients, a jammed channel, an attack that the device recognised, and what
it hears that bears our name (`agent/detectors/rogue.py`). Alerts; only a jammed channel is ever left. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import median

from agent.change import IN_FLIGHT
from agent.detectors.recent import SURVEY, TRAFFIC, Sample, all_below, all_reach, newest, ppm, recent
from agent.detectors.rogue import rogues
from agent.detectors.sight import Finding, Presence, Sight
from agent.events import EventKind
from agent.observation import Observation
from drivers.signals import AttackHeard
from drivers.types import Action

FLOOD_SAMPLES = 2
FLOOD_SPAN_S = 30.0
"""Clients that left in a shorter sample count as if it had been so long."""
FLOOD_CLEAR = 0.5
"""Of `flood_per_minute`: below it a flood is over."""
RESTARTED_S = 300.0
"""A restart of ours throws clients out too."""
LIKELY, UNLIKELY, UNAUTHENTICATED = 900_000, 600_000, 500_000
"""Confidence in ppm. Unlikely: the clients left for good, as a crowd does that goes home."""


def security(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    """What threatens this radio, each under a key of its own, and what is over."""
    looks = (_flood(sight, open_keys), _jamming(sight, open_keys), _attack(sight))
    found = [
        each
        for each in looks
        if each is not None and (each.presence is Presence.THERE or each.key in open_keys)
    ]
    return [*found, *rogues(sight, open_keys)]


# -- flood -----------------------------------------------------------------------------------------------


def _flood(sight: Sight, open_keys: Collection[str]) -> Finding | None:
    """`flood_per_minute` distinct clients gone from the site in two samples in a row."""
    limit = sight.policy.flood_per_minute
    last = newest(recent(sight, _left_per_minute, TRAFFIC), FLOOD_SAMPLES)
    if all_reach(last, limit) and not _our_doing(sight):
        elsewhere = _elsewhere(sight)
        rates = [_per_minute(each.seen, elsewhere) or 0.0 for each in last]
        if min(rates) >= limit:
            evidence = {"per_minute": round(min(rates))}
            confidence = LIKELY if _came_back(last) else UNLIKELY
            return _finding(sight, "flood", Presence.THERE, evidence, confidence=confidence)
    if f"flood:{sight.key}" not in open_keys:
        return None
    last = newest(recent(sight, _left_per_minute, TRAFFIC), sight.policy.clear_samples)
    if all_below(last, FLOOD_CLEAR * limit):
        return _finding(sight, "flood", Presence.OVER, {})
    return None


def _left_per_minute(seen: Observation) -> float | None:
    return _per_minute(seen, frozenset())


def _per_minute(seen: Observation, elsewhere: frozenset[str]) -> float | None:
    if seen.gone is None:
        return None
    return len(seen.gone - elsewhere) * 60.0 / max(seen.span_s, FLOOD_SPAN_S)


def _elsewhere(sight: Sight) -> frozenset[str]:
    """MACs on other radios of the site: those roamed."""
    return frozenset(
        client.mac
        for key, other in sight.view.radios.items()
        if key != sight.key and other.reading is not None
        for client in other.reading.clients or ()
    )


def _our_doing(sight: Sight) -> bool:
    restarted_s = sight.view.deeds.get((sight.key, Action.RESTART))
    if restarted_s is not None and restarted_s <= RESTARTED_S:
        return True
    return any(c.state in IN_FLIGHT and sight.key in c.radios for c in sight.view.changes)


def _came_back(last: Sequence[Sample]) -> bool:
    """True when about as many clients are there as before: they were thrown out, and returned."""
    now, before = last[0].seen.client_count, last[-1].seen.client_count
    left = len(last[0].seen.gone or ())
    return now is None or before is None or now >= before - left / 2


# -- jamming ---------------------------------------------------------------------------------------------


def _jamming(sight: Sight, open_keys: Collection[str]) -> Finding | None:
    """The air full of what is not Wi-Fi, and a noise floor far above the radio's usual one here; or the
    device says so."""
    if (told := _told(sight, jamming=True)) is not None:
        return told
    policy = sight.policy
    run = newest(recent(sight, _duty, SURVEY), policy.samples)
    usual_dbm = _usual_noise_dbm(sight, run) if all_reach(run, policy.jam_duty) else None
    if usual_dbm is not None:
        rise_db = min((each.seen.noise_dbm or -200.0) for each in run) - usual_dbm
        if rise_db >= policy.jam_noise_db:
            evidence = {"duty_ppm": ppm(min(each.value for each in run)), "noise_rise_db": round(rise_db)}
            return _finding(sight, "jamming", Presence.THERE, evidence)
    if f"jamming:{sight.key}" not in open_keys:
        return None
    last = newest(recent(sight, _duty, SURVEY), policy.clear_samples)
    return _finding(sight, "jamming", Presence.OVER, {}) if all_below(last, policy.burst_clear_duty) else None


def jammed(sight: Sight) -> bool:
    """Whether the radio is being jammed, as far as more than anyone's word tells."""
    found = _jamming(sight, ())
    return found is not None and found.presence is Presence.THERE and found.confidence_ppm == LIKELY


def _duty(seen: Observation) -> float | None:
    return seen.non_wifi_ratio


def _usual_noise_dbm(sight: Sight, run: Sequence[Sample]) -> float | None:
    """Median noise floor of calm observations on this channel before the run; None: too few."""
    if any(each.seen.noise_dbm is None for each in run):
        return None
    calm = [
        seen.noise_dbm
        for seen in sight.observations
        if seen.at_s <= run[-1].seen.start_s
        and seen.channel == run[-1].seen.channel
        and seen.noise_dbm is not None
        and seen.non_wifi_ratio is not None
        and seen.non_wifi_ratio < sight.policy.burst_clear_duty
    ]
    return median(calm) if len(calm) >= sight.view.site.policy.monitor.baseline_min_slots else None


# -- what the device says ---------------------------------------------------------------------------------


def _attack(sight: Sight) -> Finding | None:
    return _told(sight, jamming=False)


def _told(sight: Sight, *, jamming: bool) -> Finding | None:
    """The device's own newest word. What anyone could have sent raises no more than a minor event, and ends
    none that the device itself raised."""
    words = [
        s
        for s in sight.signals
        if isinstance(s, AttackHeard) and s.radio == sight.key and s.jamming is jamming
    ]
    proven = [word for word in words if word.authenticated]
    if not (told := (proven or words)[-1:]):
        return None
    what, (word,) = "jamming" if jamming else "attack", told
    if word.over:
        return _finding(sight, what, Presence.OVER, {})
    evidence = {"told": word.what[:64]}
    if proven:
        return _finding(sight, what, Presence.THERE, evidence)
    return _finding(sight, what, Presence.THERE, evidence, confidence=UNAUTHENTICATED, severity="minor")


def _finding(
    sight: Sight,
    what: str,
    presence: Presence,
    evidence: Mapping[str, int | str],
    *,
    confidence: int = LIKELY,
    severity: str = "major",
) -> Finding:
    return Finding(
        kind=EventKind.SECURITY,
        key=f"{what}:{sight.key}",
        presence=presence,
        radio=sight.key,
        severity=severity,
        confidence_ppm=confidence,
        evidence={"what": what, **evidence},
    )
