"""Monitoring slots: observations put together until they make one interval. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.counters import retry_share, share
from agent.observation import Observation
from inventory.model import MonitorPolicy

SLOT_SLACK = 0.9  # two polls of 30 s that took 59 s are a slot of a minute

LEAST_OWN_AIR = 0.05
"""Share of the time that a radio must have transmitted for its bytes per air time to tell of its clients: an
idle one sends beacons, a percent or two of the time for each BSS, and hardly a byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One monitoring interval of a radio. ``valid``: enough frames, and on air all the time.

    ``bytes_per_airtime``: bytes sent per ms of own transmit air time. ``tx_ratio``: own share of all air,
    beacons included. ``disconnects_per_minute``: distinct clients that left the site. ``clients``: how many
    at the end. None = not reported.
    """

    start_s: float
    end_s: float
    valid: bool
    frames: int = 0
    retry_ratio: float | None = None
    per: float | None = None
    bytes_per_airtime: float | None = None
    busy_ratio: float | None = None
    tx_ratio: float | None = None
    non_wifi_ratio: float | None = None
    disconnects_per_minute: float | None = None
    clients: int | None = None


def fold(
    observations: Iterable[Observation],
    policy: MonitorPolicy,
    *,
    refresh_s: float = 0.0,
    elsewhere: frozenset[str] = frozenset(),
) -> tuple[Slot, ...]:
    """Observations put together into slots of max(``policy.slot_s``, ``refresh_s``), oldest first.

    An incomplete last slot is left out. ``elsewhere``: MACs that are on another radio of the site now: one
    that left and is there has roamed, and is no disconnection.
    """
    length_s = max(policy.slot_s, refresh_s) * SLOT_SLACK
    slots: list[Slot] = []
    part: list[Observation] = []
    for observation in observations:
        part.append(observation)
        if observation.at_s - part[0].start_s >= length_s:
            slots.append(_slot(part, policy.min_frames, elsewhere))
            part = []
    return tuple(slots)


def _slot(part: Sequence[Observation], min_frames: int, elsewhere: frozenset[str]) -> Slot:
    start_s, end_s = part[0].start_s, part[-1].at_s
    frames = sum(seen.frames or 0 for seen in part)
    both = [seen for seen in part if seen.frames is not None and seen.retries is not None]
    given_up = [seen for seen in part if seen.frames is not None and seen.failed is not None]
    counts = [seen.client_count for seen in part if seen.client_count is not None]
    return Slot(
        start_s=start_s,
        end_s=end_s,
        valid=frames >= min_frames and all(seen.on_air for seen in part),
        frames=frames,
        retry_ratio=retry_share(
            sum(seen.frames or 0 for seen in both), sum(seen.retries or 0 for seen in both)
        )
        if both
        else _mean((seen.retry_ratio, seen.span_s) for seen in part),
        per=share(sum(seen.failed or 0 for seen in given_up), sum(seen.frames or 0 for seen in given_up))
        if given_up
        else _mean((seen.per, seen.span_s) for seen in part),
        bytes_per_airtime=_bytes_per_airtime(part),
        busy_ratio=_mean((seen.busy_ratio, seen.span_s) for seen in part),
        tx_ratio=_mean((seen.tx_ratio, seen.span_s) for seen in part),
        non_wifi_ratio=_mean((seen.non_wifi_ratio, seen.span_s) for seen in part),
        disconnects_per_minute=_disconnects_per_minute(part, elsewhere),
        clients=counts[-1] if counts else None,
    )


def _bytes_per_airtime(part: Sequence[Observation]) -> float | None:
    """Bytes sent per ms of own transmit air time, over observations that report both; None: it was idle."""
    both = [seen for seen in part if seen.bytes is not None and seen.tx_airtime_ms]
    airtime_ms = sum(seen.tx_airtime_ms or 0 for seen in both)
    if airtime_ms < LEAST_OWN_AIR * 1000 * sum(seen.span_s for seen in both) or not airtime_ms:
        return None
    return sum(seen.bytes or 0 for seen in both) / airtime_ms


def _mean(weighted: Iterable[tuple[float | None, float]]) -> float | None:
    pairs = [(value, weight) for value, weight in weighted if value is not None]
    whole = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / whole if whole else None


def _disconnects_per_minute(part: Sequence[Observation], elsewhere: frozenset[str]) -> float | None:
    """Distinct clients that left and are nowhere else, per minute; the device's own count where it lists
    no clients."""
    minutes = (part[-1].at_s - part[0].start_s) / 60
    sets = [seen.gone for seen in part if seen.gone is not None]
    if sets:
        return len(frozenset().union(*sets) - elsewhere) / minutes
    counts = [seen.disconnects for seen in part if seen.disconnects is not None]
    return sum(counts) / minutes if counts else None
