"""Radar: who heard it where, until when nobody may go there, and where it was met lately. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.moment import Deadline, Moment
from inventory.model import RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Nop:
    """One 20 MHz channel (centre, MHz) barred because ``by_radio`` heard radar on it."""

    site: str
    mhz20: int
    deadline: Deadline
    by_radio: RadioKey


ONE_RADAR_S: Final = 60.0
"""Reports of one channel within this are of one radar, whoever heard it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """Radar was heard on these 20 MHz channels (centres, MHz) by ``radios``; none of them: nobody knows by
    whom. A drill is none."""

    utc_us: int
    mhz20: frozenset[int]
    radios: frozenset[RadioKey] = frozenset()


def with_met(known: Sequence[Met], new: Met, keep_us: int) -> tuple[Met, ...]:
    """The radar of the last ``keep_us`` and the new one, oldest first. One that several heard is one."""
    fresh = [each for each in known if new.utc_us - each.utc_us < keep_us]
    same = [each for each in fresh if _is_one(each, new)]
    whole = Met(
        utc_us=max(new.utc_us, *(each.utc_us for each in same)) if same else new.utc_us,
        mhz20=new.mhz20.union(*(each.mhz20 for each in same)),
        radios=new.radios.union(*(each.radios for each in same)),
    )
    others = [each for each in fresh if each not in same]
    return tuple(sorted([*others, whole], key=lambda each: each.utc_us))


def _is_one(a: Met, b: Met) -> bool:
    return bool(a.mhz20 & b.mhz20) and abs(a.utc_us - b.utc_us) <= ONE_RADAR_S * 1e6


def restarted(nop: Nop, now: Moment, nop_s: float) -> Nop:
    """The period as it counts now: unchanged within one boot, in full again (``nop_s``) after a reboot.

    Also one that the wall clock calls over: after a reboot nobody vouches for that clock.
    """
    if nop.deadline.boot_id == now.boot_id:
        return nop
    return replace(nop, deadline=Deadline.after(now, nop_s))


def later(old: Deadline, new: Deadline) -> Deadline:
    """The end after one more hit: extended, never shortened.

    Of two boots the wall clock is all that compares; the result is kept on the newer boot's clock.
    """
    if old.boot_id == new.boot_id:
        return max(old, new, key=lambda end: end.boottime_us)
    more_us = max(0, old.utc_us - new.utc_us)
    return replace(new, utc_us=new.utc_us + more_us, boottime_us=new.boottime_us + more_us)
