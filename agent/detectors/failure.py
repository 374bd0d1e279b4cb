"""HW_FAILURE of one radio whose device answers: down, stuck, restarting over and over, or said to be faulty.

A device that does not answer is `agent/detectors/loss.py`'s business. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile

from agent.change import IN_FLIGHT, Change, State
from agent.counters import Flaw
from agent.detectors.recent import TRAFFIC, Sample, mean, newest, recent
from agent.detectors.sight import Finding, Presence, Sight
from agent.events import EventKind
from agent.observation import Observation
from drivers.signals import RadioDown, RadioFault, RadioUp
from drivers.types import Action, RadioState, Setting

STARTING_MOST_S = 600.0
"""A radio that is still starting after so long will not start. A CAC has a state of its own."""

RESETS_WITHIN_S = 3600.0
"""As far as the history goes back."""

TOUCHED_S = 300.0
"""A radio whose counters start again so soon after a change or a restart of ours did it for us."""

IDLE_TIMES = 3.0
"""A pause is no stuck queue before it is so many times as long as the longest one of the history."""

SILENT_TX = 0.05
"""Own share of the air that beacons may take; above it something is sent, whatever the counters say."""

UNAUTHENTICATED = 0.5
"""Confidence in what anyone on the network could have said."""


def failure(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    """What fails at one radio, each under a key of its own, and what works again."""
    if sight.missed or sight.lost_at_s is not None:
        return ()
    looks = (
        ("radio_down", _down(sight)),
        ("stuck", _stuck(sight)),
        ("resets", _resets(sight)),
        ("fault", _fault(sight)),
    )
    return [
        finding
        for what, finding in looks
        if finding is not None
        and (finding.presence is Presence.THERE or failure_key(sight, what) in open_keys)
    ]


def failure_key(sight: Sight, what: str) -> str:
    return f"{sight.key}:{what}"


# -- down ------------------------------------------------------------------------------------------------


def _down(sight: Sight) -> Finding | None:
    """The radio is off, or not among those that its device tells of, and nobody ordered it.

    A radio that was never seen on air is none that failed; CAC and NOP are the law's, not a failure.
    """
    if sight.at.on_air and sight.is_read:
        return _finding(sight, "radio_down", Presence.OVER)
    state, since_s = _off_since(sight)
    if since_s is None or _ordered_off(sight):
        return None
    patient_s = STARTING_MOST_S if state == RadioState.STARTING else _off_patience_s(sight)
    if sight.now_s - since_s < patient_s:
        return None
    return _finding(sight, "radio_down", Presence.THERE, evidence={"state": state})


def _off_patience_s(sight: Sight) -> float:
    """A restart by hand takes less."""
    return sight.policy.missed_polls * sight.view.site.policy.poll_s


def _off_since(sight: Sight) -> tuple[str, float | None]:
    """State, and when it began (monotonic seconds, at the latest); None: no failure, or can't be told."""
    reading, last_s = sight.at.reading, _last_on_air_s(sight.observations)
    if reading is not None and reading.state is RadioState.ON_AIR:
        last_s = max(reading.at_s, last_s or reading.at_s)  # a poll or two, and it went
    if reading is None or last_s is None:
        return "", None
    if not sight.is_read:
        return "absent", max(last_s, reading.at_s) + sight.patience_s
    if reading.state not in (RadioState.OFF, RadioState.STARTING):
        return "", None
    told = [s.at_s for s in sight.signals if isinstance(s, RadioDown) and s.radio == sight.key]
    seen = [o.at_s for o in sight.observations if o.at_s > last_s]
    known = [at_s for at_s in (*told[-1:], *seen[:1]) if at_s >= last_s]
    return str(reading.state), min(known, default=last_s + sight.patience_s)


def _last_on_air_s(observations: Sequence[Observation]) -> float | None:
    return next((o.at_s for o in reversed(observations) if o.state is RadioState.ON_AIR), None)


def _ordered_off(sight: Sight) -> bool:
    """True when a change of ours is at work on the radio, or the last that switched it left it off."""
    mine = [change for change in sight.view.changes if sight.key in change.radios]
    if any(change.state in IN_FLIGHT for change in mine):
        return True
    left = (_left_at(change) for change in mine)
    return next((enabled for enabled in left if enabled is not None), 1) == 0


def _left_at(change: Change) -> int | None:
    """`ENABLED` as the change left it; None when it left it alone."""
    if change.state is State.ROLLED_BACK:
        return (change.rollback_to or change.prior).get(Setting.ENABLED)
    if change.state in (State.COMMITTED, State.ESCALATED, State.SUPERSEDED):
        return change.target.get(Setting.ENABLED)
    return None


# -- stuck -----------------------------------------------------------------------------------------------


def _stuck(sight: Sight) -> Finding | None:
    """Clients and air, and not a frame sent, where much was sent before."""
    silent = tuple(takewhile(_is_silent, recent(sight, _frames, TRAFFIC)))
    if not silent:
        last = newest(recent(sight, _frames, TRAFFIC), sight.policy.clear_samples)
        sending = bool(last) and all(each.value > 0 for each in last)
        return _finding(sight, "stuck", Presence.OVER) if sending else None
    if len(silent) < sight.policy.stuck_samples or not _much_was_sent(sight, silent):
        return None
    clients = silent[0].seen.client_count or 0
    return _finding(sight, "stuck", Presence.THERE, evidence={"clients": clients, "samples": len(silent)})


def _frames(seen: Observation) -> float | None:
    return seen.frames


def _is_silent(sample: Sample) -> bool:
    seen = sample.seen
    return not seen.frames and bool(seen.client_count) and seen.busy_ratio is not None


def _much_was_sent(sight: Sight, silent: Sequence[Sample]) -> bool:
    """True when as much time as the silence would have brought a slot's worth of frames, the radio never
    paused for nearly so long, and its own air time stopped too (else only the counter stands still)."""
    start_s = silent[-1].seen.start_s
    span_s = silent[0].seen.at_s - start_s
    earlier = [o for o in sight.observations if o.frames is not None and o.at_s <= start_s and o.on_air]
    earlier_s = sum(o.span_s for o in earlier)
    if earlier_s <= 0 or span_s < IDLE_TIMES * _longest_pause_s(earlier):
        return False
    expected = sum(o.frames or 0 for o in earlier) / earlier_s * span_s
    if expected < sight.view.site.policy.monitor.min_frames:
        return False
    sent, usual = mean(s.seen.tx_ratio for s in silent), mean(o.tx_ratio for o in earlier)
    return sent is None or usual is None or sent <= max(SILENT_TX, usual / 2)


def _longest_pause_s(observations: Sequence[Observation]) -> float:
    longest = pause_s = 0.0
    for seen in observations:
        pause_s = 0.0 if seen.frames else pause_s + seen.span_s
        longest = max(longest, pause_s)
    return longest


# -- resets ----------------------------------------------------------------------------------------------


def _resets(sight: Sight) -> Finding | None:
    """The chip was restarted again and again; over when it was not for `forget_s`."""
    times = [at_s for at_s in _reset_times(sight) if sight.now_s - at_s <= RESETS_WITHIN_S]
    policy = sight.policy
    quiet_s = sight.now_s - times[-1] if times else float("inf")
    if len(times) >= policy.resets and quiet_s < policy.forget_s:
        return _finding(sight, "resets", Presence.THERE, evidence={"resets": len(times)})
    watched = sight.observations and sight.now_s - sight.observations[0].start_s >= policy.forget_s
    over = watched and quiet_s >= policy.forget_s and sight.is_read
    return _finding(sight, "resets", Presence.OVER) if over else None


def _reset_times(sight: Sight) -> list[float]:
    """When, oldest first, once for each: from the device's own count; where it keeps none, from totals that
    started again without our doing."""
    seen = sight.observations
    if any(o.hardware_resets is not None for o in reversed(seen)):
        return [o.at_s for o in seen if o.hardware_resets for _ in range(min(o.hardware_resets, 1000))]
    touched = tuple(_touched(sight))
    return [
        o.at_s
        for o in sight.observations
        if Flaw.RESET in o.flaws and not any(o.start_s - TOUCHED_S <= at_s <= o.at_s for at_s in touched)
    ]


def _touched(sight: Sight) -> Iterator[float]:
    """Monotonic seconds of our own changes and restarts of the radio."""
    now = sight.view.now
    for change in sight.view.changes:
        if sight.key in change.radios:
            yield now.monotonic_s - (now.utc_us - change.created_utc_us) / 1e6
    yield from (now.monotonic_s - ago_s for ago_s in _restarted_ago_s(sight))


def _restarted_ago_s(sight: Sight) -> tuple[float, ...]:
    ago_s = sight.view.deeds.get((sight.key, Action.RESTART))
    return () if ago_s is None else (ago_s,)


# -- fault -----------------------------------------------------------------------------------------------


def _fault(sight: Sight) -> Finding | None:
    """The device's own word, until it takes it back or the radio works after a restart."""
    words = [s for s in sight.signals if isinstance(s, RadioFault) and s.radio == sight.key]
    proven = [word for word in words if word.authenticated]
    told = (proven or words)[-1:]
    if not told:
        return None
    (fault,) = told
    if fault.over or _works_since(sight, fault.at_s):
        return _finding(sight, "fault", Presence.OVER)
    evidence = {"told": fault.what[:64]}
    if proven:
        return _finding(sight, "fault", Presence.THERE, evidence=evidence)
    return _finding(sight, "fault", Presence.THERE, evidence=evidence, proven=False)


def _works_since(sight: Sight, fault_s: float) -> bool:
    """Frames in `clear_samples` samples that all began after a restart after the fault."""
    ups = [s.at_s for s in sight.signals if isinstance(s, RadioUp) and s.radio == sight.key]
    restarts = [sight.now_s - ago_s for ago_s in _restarted_ago_s(sight)]
    starts = [at_s for at_s in (*ups, *restarts) if at_s > fault_s]
    last = newest(recent(sight, _frames, TRAFFIC), sight.policy.clear_samples)
    if not starts or not last:
        return False
    return all(each.value > 0 and each.seen.start_s >= min(starts) for each in last)


def _finding(
    sight: Sight,
    what: str,
    presence: Presence,
    *,
    evidence: Mapping[str, int | str] | None = None,
    proven: bool = True,
) -> Finding:
    return Finding(
        kind=EventKind.HW_FAILURE,
        key=failure_key(sight, what),
        presence=presence,
        radio=sight.key,
        severity="critical" if proven else "minor",
        confidence_ppm=900_000 if proven else round(UNAUTHENTICATED * 1e6),
        evidence={"what": what, **(evidence or {})},
    )
