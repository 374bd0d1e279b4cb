"""How much one BSS is in the way of another, by the blocks that both occupy. Pure.

A radio contends on its primary channel; its secondary channels only decide how wide a frame may be. So a BSS
on the primary channel takes air, and one on a secondary channel takes width: the part of it that is lost when
the radio falls back to the channels that are free (IEEE 802.11-2020 10.23.2.5).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
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

    def cost(self, primary: float, secondary: float) -> float:
        """What it costs as a contender that always sends, of one that would cost ``primary`` on one channel,
        and ``secondary`` if all of the width were lost by it."""
        return primary * self.primary + secondary * self.secondary


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
        return Hit(on_primary(theirs, their_primary, primary), 0.0)
    for added, lost in secondary_parts(mine):
        if theirs & added:
            return Hit(0.0, lost * often(their_primary, added))
    return NOTHING


def on_primary(theirs: int, their_primary: int, primary: int) -> float:
    """Weight of a spectrum on a primary channel: 1 when it is covered, more than its part else; less when
    only its secondary channels are there."""
    part = (theirs & primary).bit_count() / PRIMARY_SLOTS
    weight = part if part in (0.0, 1.0) else part * PARTIAL
    return weight * often(their_primary, primary)


@lru_cache(maxsize=4096)
def secondary_parts(mine: Block) -> tuple[tuple[int, float], ...]:
    """The secondary channels of a block, nearest first: their spectrum as a mask, and the part of the width
    that is lost while they are busy."""
    parts = levels(mine)
    return tuple(
        (reach & ~within, 1.0 - within_mhz / mine.width_mhz)
        for (within_mhz, within), (_, reach) in pairwise(parts)
    )


def often(their_primary: int, there: int) -> float:
    """How often a BSS sends on a part of its spectrum: always where its primary channel is (0: not known),
    else with its wide frames."""
    return 1.0 if not their_primary or their_primary & there else SECONDARY
