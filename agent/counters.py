"""Counters that a device keeps: how far one rose, what share that is, and why it may tell nothing. Pure."""

from __future__ import annotations

from enum import StrEnum


class Flaw(StrEnum):
    """Why a part of an observation is missing."""

    RESET = "reset"  # the device's totals started again, or ran backwards
    IMPLAUSIBLE = "implausible"  # more frames or bytes than a radio can send in the span
    SURVEY_RESET = "survey_reset"  # air time ran backwards
    SURVEY_GARBAGE = "survey_garbage"  # busier than always
    RETUNED = "retuned"  # the surveyed frequency changed within the span
    OFF_AIR = "off_air"  # not transmitting at some time within the span


def rise_of(before: int | None, after: int | None, bits: int) -> int | None:
    """How far a counter rose, one wrap of a 32-bit counter included; negative: it ran backwards."""
    if before is None or after is None:
        return None
    if after < before and bits == 32:
        return after + 2**32 - before
    return after - before


def share(part: int | None, whole: int | None) -> float | None:
    """Part of the whole, 0..1; None when one is not reported or the whole is 0."""
    if part is None or not whole:
        return None
    return min(1.0, part / whole)


def retry_share(frames: int | None, retries: int | None) -> float | None:
    """Share of transmissions that were repeats, 0..1; ``frames`` counts each frame once."""
    return None if frames is None or retries is None else share(retries, frames + retries)
