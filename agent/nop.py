"""Non-occupancy periods: who heard radar where, and until when nobody may go there. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.moment import Deadline, Moment
from inventory.model import RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Nop:
    """One 20 MHz channel (centre, MHz) barred because ``by_radio`` heard radar on it."""

    site: str
    mhz20: int
    deadline: Deadline
    by_radio: RadioKey


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
