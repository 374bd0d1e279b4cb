"""Colours of channels: one hue for each 80 MHz, lighter from its lower to its upper end. Pure."""

from __future__ import annotations

import colorsys
from functools import cache
from typing import Final

from inventory.channels import Block, blocks, blocks_of, channels
from inventory.model import Band

TURN: Final = 0.381966
"""Part of a circle: turned so again and again, no two hues meet."""

SATURATION: Final = 0.62
DARK, BRIGHT = "#1f2933", "#ffffff"


def colour(block: Block) -> str:
    """Of the primary channel, as #rrggbb."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in _rgb(block.band, block.primary))


def ink_on(block: Block) -> str:
    """For text on it."""
    red, green, blue = _rgb(block.band, block.primary)
    return DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else BRIGHT


@cache
def _rgb(band: Band, channel: int) -> tuple[float, float, float]:
    if band is Band.GHZ_2_4:  # channels overlap there: near ones have near hues
        return colorsys.hls_to_rgb((channel - 1) / len(channels(band)), 0.45, SATURATION)
    wide = blocks_of(band, channel, 80)
    if not wide:
        return (0.5, 0.5, 0.5)
    number = sorted({each.center_mhz for each in blocks(band, 80)}).index(wide[0].center_mhz)
    place = (wide[0].primary_mhz - wide[0].low_mhz) // 20
    return colorsys.hls_to_rgb((0.58 + number * TURN) % 1.0, 0.36 + 0.11 * place, SATURATION)
