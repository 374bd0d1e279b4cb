"""SPECTRUM_SAT: the air of a radio is full. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile

from agent.detectors.recent import SURVEY, Sample, all_below, mean, newest, recent, shares
from agent.detectors.sight import Finding, Presence, Sight
from agent.events import EventKind
from agent.observation import Observation


def saturation(sight: Sight, open_keys: Collection[str]) -> Sequence[Finding]:
    """Busy at `sat_busy` or more for `sat_hold_s` and `samples` samples; over below `sat_clear_busy`.

    Air that is full of what is not Wi-Fi is NON_WIFI_BURST's business.
    """
    policy = sight.policy
    run = tuple(takewhile(lambda each: each.value >= policy.sat_busy, recent(sight, _busy, SURVEY)))
    if len(run) >= policy.samples and _covers_s(run) >= policy.sat_hold_s:
        seen = [each.seen for each in run]
        non_wifi = mean(each.non_wifi_ratio for each in seen)
        if non_wifi is not None and non_wifi >= policy.burst_duty:
            return ()
        return (_finding(sight, Presence.THERE, seen),)
    if sight.key in open_keys:
        last = newest(recent(sight, _busy, SURVEY), policy.clear_samples)
        if all_below(last, policy.sat_clear_busy):
            return (_finding(sight, Presence.OVER, [each.seen for each in last]),)
    return ()


def _busy(seen: Observation) -> float | None:
    return seen.busy_ratio


def _covers_s(run: Sequence[Sample]) -> float:
    return run[0].seen.at_s - run[-1].seen.start_s


def _finding(sight: Sight, presence: Presence, seen: Sequence[Observation]) -> Finding:
    return Finding(
        kind=EventKind.SPECTRUM_SAT,
        key=sight.key,
        presence=presence,
        radio=sight.key,
        severity="major",
        evidence=shares(seen),
    )
