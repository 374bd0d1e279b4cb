"""NON_WIFI_BURST: the air is busy with what nobody can decode. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from agent.detectors.recent import (
    SURVEY,
    Sample,
    all_below,
    all_reach,
    mean,
    newest,
    pooled,
    ppm,
    recent,
    shares,
)
from agent.detectors.security import jammed
from agent.detectors.sight import Finding, Presence, Sight
from agent.detectors.usual import slots_of, usual
from agent.events import EventKind
from agent.observation import Observation
from agent.view import block_in
from drivers.signals import InterferenceHeard
from drivers.types import NeighborReading
from inventory.channels import Block, overlap_ratio

MEASURED = 0.9
"""Confidence in a duty that was worked out from trustworthy counters."""

TOLD = 0.95
"""Confidence in a device that recognised the interferer itself."""


def non_wifi(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    """Duty at `burst_duty` or more in `samples` samples; or at `burst_low_duty` with harm; or the device
    says so itself. Over below `burst_clear_duty`, without harm and with nothing said to the contrary.

    What jams the channel is SECURITY's business: it is left seldom, and as a burst it would be left often.
    """
    found = _burst(sight, open_keys)
    if any(each.presence is Presence.THERE for each in found) and jammed(sight):
        over = (replace(each, presence=Presence.OVER) for each in found)
        return tuple(over) if sight.key in open_keys else ()
    return found


def _burst(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    told = _told(sight)
    run = newest(recent(sight, _duty, SURVEY), sight.policy.samples)
    if told is not None and not told.over and (told.duty_ratio or 0.0) >= sight.policy.burst_duty:
        if not _contradicted(sight, told):
            return (_there(sight, told.duty_ratio or 0.0, TOLD, run),)
    elif all_reach(run, sight.policy.burst_duty) or (
        all_reach(run, sight.policy.burst_low_duty) and _harm(sight, run) >= sight.policy.burst_harm
    ):
        return (_there(sight, mean(each.value for each in run) or 0.0, _confidence(sight), run),)
    return _over(sight, told) if sight.key in open_keys else ()


def _over(sight: Sight, told: InterferenceHeard | None) -> Sequence[Finding]:
    last = newest(recent(sight, _duty, SURVEY), sight.policy.clear_samples)
    by_survey = all_below(last, sight.policy.burst_clear_duty) and not _still_harmed(sight, last)
    by_word = told is not None and told.over and not last
    if not (by_survey or by_word):
        return ()
    return (_finding(sight, Presence.OVER, MEASURED, _evidence(mean(s.value for s in last) or 0.0, last)),)


def _duty(seen: Observation) -> float | None:
    return seen.non_wifi_ratio


def _told(sight: Sight) -> InterferenceHeard | None:
    """The newest word of the device itself on this channel; a trap that anyone can forge is none."""
    words = [
        signal
        for signal in sight.signals
        if isinstance(signal, InterferenceHeard)
        and signal.radio == sight.key
        and signal.authenticated
        and (signal.over or signal.duty_ratio is not None)
    ]
    if not words or words[-1].at_s < _on_channel_since_s(sight.observations):
        return None
    return words[-1]


def _on_channel_since_s(observations: Sequence[Observation]) -> float:
    """When the radio was first seen on its present channel; it may have come there in that span."""
    present = observations[-1].channel if observations else None
    before = [seen.at_s for seen in observations if seen.channel != present]
    return before[-1] if before else float("-inf")


def _contradicted(sight: Sight, told: InterferenceHeard) -> bool:
    """True when the survey since then shows a quiet channel."""
    last = newest(recent(sight, _duty, SURVEY), sight.policy.clear_samples)
    since = all(each.seen.start_s >= told.at_s for each in last)
    return since and all_below(last, sight.policy.burst_clear_duty)


def _harm(sight: Sight, run: Sequence[Sample]) -> float:
    """How many times the usual the radio's retry ratio or PER is, the larger; 0 when it can't be told."""
    monitor = sight.view.site.policy.monitor
    frames, retry, per = pooled(each.seen for each in run)
    if frames < monitor.min_frames:
        return 0.0
    calm = [s for s in slots_of(sight, sight.observations) if s.valid and _calm(sight, s.non_wifi_ratio)]
    return max(
        _times(sight, retry, (s.retry_ratio for s in calm), monitor.retry_floor),
        _times(sight, per, (s.per for s in calm), monitor.per_floor),
    )


def _calm(sight: Sight, duty: float | None) -> bool:
    return duty is not None and duty < _low_clear(sight)


def _low_clear(sight: Sight) -> float:
    """The lower duty clears in the same proportion as the higher one."""
    policy = sight.policy
    return policy.burst_low_duty * policy.burst_clear_duty / policy.burst_duty if policy.burst_duty else 0.0


def _times(sight: Sight, now: float | None, before: Iterable[float | None], floor: float) -> float:
    """A ratio alone means nothing at 1 % retries: within ``floor`` of the usual it is 0."""
    before_known = [value for value in before if value is not None]
    level = usual(sight, before_known)
    if now is None or level is None or now - level < floor:
        return 0.0
    return now / level if level > 0 else float("inf")


def _still_harmed(sight: Sight, last: Sequence[Sample]) -> bool:
    """Half of the harm that raises an event keeps it, as long as there is a duty to blame."""
    if all_below(last, _low_clear(sight)):
        return False
    return _harm(sight, last) >= (1.0 + sight.policy.burst_harm) / 2


def _confidence(sight: Sight) -> float:
    return min(MEASURED, sight.policy.burst_untrusted) if _untrusted(sight) else MEASURED


def _untrusted(sight: Sight) -> bool:
    """True where foreign frames may pass for something that is not Wi-Fi: rx time is not to be trusted, or a
    loud BSS overlaps without sharing the primary channel, so its frames can't be decoded."""
    able, mine = sight.at.capabilities, sight.at.block
    if able is None or not able.rx_time_trusted or mine is None:
        return True
    policy = sight.view.site.policy
    return any(
        each.signal_dbm >= policy.neighbour_dbm
        and each.age_s <= policy.evidence_s
        and _undecodable(mine, each)
        for each in sight.at.neighbors
    )


def _undecodable(mine: Block, heard: NeighborReading) -> bool:
    theirs = block_in(mine.band, heard.channel, heard.width_mhz or 20, heard.center_mhz)
    theirs = theirs or block_in(mine.band, heard.channel, 20, None)
    return theirs is not None and mine.primary_mhz not in theirs.mhz20 and overlap_ratio(mine, theirs) > 0


def _there(sight: Sight, duty: float, confidence: float, run: Sequence[Sample]) -> Finding:
    untrusted = int(confidence != TOLD and _untrusted(sight))
    evidence = {**_evidence(duty, run), "untrusted": untrusted}
    return _finding(sight, Presence.THERE, confidence, evidence)


def _evidence(duty: float, run: Sequence[Sample]) -> dict[str, int]:
    seen = [each.seen for each in run]
    _, retry, _ = pooled(seen)
    busy = shares(seen).get("busy_ppm")
    known = {"busy_ppm": busy, "retry_ppm": None if retry is None else ppm(retry)}
    return {"duty_ppm": ppm(duty), **{name: value for name, value in known.items() if value is not None}}


def _finding(sight: Sight, presence: Presence, confidence: float, evidence: dict[str, int]) -> Finding:
    return Finding(
        kind=EventKind.NON_WIFI_BURST,
        key=sight.key,
        presence=presence,
        radio=sight.key,
        severity="major",
        confidence_ppm=ppm(confidence),
        evidence=evidence,
    )
