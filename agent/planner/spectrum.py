"""Blocks as bit masks of 5 MHz, so that a thousand BSSs are held against a hundred blocks quickly. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from agent.view import block_in
from inventory.channels import Block, blocks
from inventory.model import Band

_SLOT_MHZ: Final = 5
_BASE_MHZ: Final = {Band.GHZ_2_4: 2402, Band.GHZ_5: 5000, Band.GHZ_6: 5000}


@lru_cache(maxsize=4096)
def mask(band: Band, low_mhz: int, high_mhz: int) -> int:
    """One bit for each 5 MHz of the spectrum from ``low_mhz`` to ``high_mhz``. Channels of 5 and 6 GHz never
    overlap in part; those of 2.4 GHz do."""
    first = (low_mhz - _BASE_MHZ[band]) // _SLOT_MHZ
    return ((1 << (high_mhz - low_mhz) // _SLOT_MHZ) - 1) << first


@lru_cache(maxsize=4096)
def mask_of(block: Block) -> int:
    """The spectrum of a block."""
    return mask(block.band, block.low_mhz, block.high_mhz)


@lru_cache(maxsize=4096)
def heard_mask(band: Band, channel: int, width_mhz: int | None, center_mhz: int | None) -> int:
    """The spectrum of a BSS as it was heard; 20 MHz where its width makes no sense, 0 where its channel does
    not."""
    whole = block_in(band, channel, width_mhz or 20, center_mhz) or block_in(band, channel, 20, None)
    return mask_of(whole) if whole else 0


@lru_cache(maxsize=4096)
def seat(band: Band, channel: int, width_mhz: int | None, center_mhz: int | None) -> tuple[int, int]:
    """The spectrum of a BSS as it was heard, and that of its primary channel."""
    return heard_mask(band, channel, width_mhz, center_mhz), heard_mask(band, channel, 20, None)


@lru_cache(maxsize=4096)
def levels(block: Block) -> tuple[tuple[int, int], ...]:
    """The nested parts of a block around its primary channel, narrowest first: width in MHz and mask.

    52/80 -> 52 alone, 52+56, 52 to 64: what a BSS falls back to while its secondary channels are busy
    (IEEE 802.11-2020 10.23.2.5).
    """
    at = (block.primary_mhz - 10 - block.low_mhz) // 20
    found = []
    width = 20
    while width < block.width_mhz:
        low = block.low_mhz + at * 20 // width * width
        found.append((width, mask(block.band, low, low + width)))
        width *= 2
    return (*found, (block.width_mhz, mask_of(block)))


@lru_cache(maxsize=4096)
def channels_in(band: Band, spectrum: int) -> tuple[int, ...]:
    """Centres in MHz of the 20 MHz channels that lie wholly in a mask."""
    parts = {each.center_mhz: mask_of(each) for each in blocks(band, 20)}
    return tuple(mhz for mhz, part in parts.items() if part & spectrum == part)
