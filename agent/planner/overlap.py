"""How much one BSS is in the way of another, by the blocks that both occupy. Pure.

A radio contends on its primary channel; its secondary channels only decide how wide a frame may be. So a BSS
on the primary channel takes air, and one on a secondary channel takes width: the part of it that is lost when
the radio falls back to the channels that are free (IEEE 802.11-2020 10.23.2.5).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from agent.planner.spectrum import levels, mask_of
from inventory.channels import Block

PARTIAL: Final = 2.0
"""Stations that overlap in part (2.4 GHz) can't decode each other: they collide instead of deferring, and
both lose. Costs so much more than the overlap says."""

SECONDARY: Final = 0.7
"""A BSS whose secondary channels alone are in the way is there only with its wide frames."""

PRIMARY_SLOTS: Final = 4  # of 5 MHz


class Hit(NamedTuple):
    """What one BSS costs another. At most one is not 0: ``primary`` is the weight of its frames on the
    primary channel, 0..2 (over 1: they collide), ``secondary`` the part of the width that is lost while it
    sends, 0..1."""

    primary: float
    secondary: float


NOTHING: Final = Hit(0.0, 0.0)


@lru_cache(maxsize=65_536)
def hit(mine: Block, theirs: Block) -> Hit:
    """What ``theirs`` costs ``mine``, both of one band."""
    part, sent = mask_of(theirs), levels(theirs)[0][1]
    return hit_by(mine, part, sent)


def hit_by(mine: Block, theirs: int, their_primary: int) -> Hit:
    """The same for a BSS whose spectrum is known as masks; ``their_primary`` 0: it is not known, and taken to
    be wherever it hurts."""
    parts = levels(mine)
    primary = parts[0][1]
    if theirs & primary:
        return Hit(on_primary(theirs, primary) * _often(their_primary, primary), 0.0)
    within_mhz, within = parts[0]
    for width_mhz, reach in parts[1:]:
        added = reach & ~within
        if theirs & added:
            lost = 1.0 - within_mhz / mine.width_mhz
            return Hit(0.0, lost * _often(their_primary, added))
        within_mhz, within = width_mhz, reach
    return NOTHING


def on_primary(theirs: int, primary: int) -> float:
    """Weight of a spectrum on a primary channel: 1 when it is covered, more than its part else."""
    part = (theirs & primary).bit_count() / PRIMARY_SLOTS
    return part if part in (0.0, 1.0) else part * PARTIAL


def _often(their_primary: int, there: int) -> float:
    return 1.0 if not their_primary or their_primary & there else SECONDARY
