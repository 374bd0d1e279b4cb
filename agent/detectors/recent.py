"""What of a radio's history tells about now: fresh samples without a gap, a flaw or a move. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from agent.counters import Flaw, retry_share, share
from agent.detectors.sight import Sight
from agent.observation import Observation

SURVEY = frozenset({Flaw.SURVEY_RESET, Flaw.SURVEY_GARBAGE, Flaw.RETUNED, Flaw.OFF_AIR})
"""Flaws that spoil a share of air time."""

TRAFFIC = frozenset({Flaw.RESET, Flaw.IMPLAUSIBLE, Flaw.RETUNED, Flaw.OFF_AIR})
"""Flaws that spoil a count of frames or clients."""

GAP_S = 1.0
"""Two observations further apart than this are not one after the other."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One observation and what it says of the matter in hand."""

    seen: Observation
    value: float


def ppm(value: float) -> int:
    return round(value * 1e6)


def recent(
    sight: Sight, value: Callable[[Observation], float | None], flaws: frozenset[Flaw]
) -> Iterator[Sample]:
    """Fresh samples, newest first, until one is flawed, on another channel, off air, too long, or not joined
    to the next. An observation that lacks the value (the device did not renew it) is passed over."""
    patient_s, newer, found = sight.patience_s, None, False
    if not (sight.is_read and sight.at.on_air):
        return
    for seen in reversed(sight.observations):
        if newer is None and not _on_the_same_channel(sight, seen):
            return
        if newer is not None and not _joined(seen, newer):
            return
        if not seen.on_air or seen.flaws & flaws or seen.span_s > patient_s:
            return
        newer, told = seen, value(seen)
        if told is None:
            continue
        if not found and sight.now_s - seen.at_s > patient_s:
            return
        found = True
        yield Sample(seen, told)


def _on_the_same_channel(sight: Sight, seen: Observation) -> bool:
    """False when the radio has moved since its newest observation."""
    reading = sight.at.reading
    if reading is None or reading.channel is None or seen.channel is None:
        return True
    return reading.channel.value == seen.channel


def _joined(older: Observation, newer: Observation) -> bool:
    same = (older.channel, older.width_mhz) == (newer.channel, newer.width_mhz)
    return same and abs(newer.start_s - older.at_s) <= GAP_S


def newest(samples: Iterable[Sample], count: int) -> Sequence[Sample]:
    """The newest so many, newest first; none when there are fewer."""
    found = tuple(islice(samples, count))
    return found if len(found) == count else ()


def all_reach(samples: Sequence[Sample], level: float) -> bool:
    """True when there are samples and each is at the level or above."""
    return bool(samples) and all(each.value >= level for each in samples)


def all_below(samples: Sequence[Sample], level: float) -> bool:
    """True when there are samples and each is below the level."""
    return bool(samples) and all(each.value < level for each in samples)


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are reported; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def pooled(seen: Iterable[Observation]) -> tuple[int, float | None, float | None]:
    """Frames sent, retry ratio and PER of several observations together."""
    known = [each for each in seen if each.frames is not None]
    frames = sum(each.frames or 0 for each in known)
    retried = [each for each in known if each.retries is not None]
    failed = [each for each in known if each.failed is not None]
    return (
        frames,
        retry_share(sum(o.frames or 0 for o in retried), sum(o.retries or 0 for o in retried)),
        share(sum(o.failed or 0 for o in failed), sum(o.frames or 0 for o in failed)),
    )


def shares(seen: Sequence[Observation]) -> dict[str, int]:
    """What the air was busy with, as evidence: means in ppm of what is reported."""
    parts = {
        "busy_ppm": mean(each.busy_ratio for each in seen),
        "own_ppm": mean(each.tx_ratio for each in seen),
        "foreign_ppm": mean(each.rx_ratio for each in seen),
        "non_wifi_ppm": mean(each.non_wifi_ratio for each in seen),
    }
    return {name: ppm(value) for name, value in parts.items() if value is not None}
