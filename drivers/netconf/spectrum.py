"""Which air a radio takes, and how long it would listen for radar there first. Pure.

Neither model has a block's centre: where primary and width leave two blocks, both count.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from drivers.errors import Unsupported
from drivers.types import ConfigState, Edit, Setting
from inventory.channels import DFS_MHZ, blocks_of
from inventory.model import Band

# A radio listens before it serves on a radar channel; on 5600-5650 MHz for
# ten minutes under ETSI's. A device knows its own, and neither model tells of it.
_WEATHER_MHZ: Final = frozenset({5600, 5620, 5640})


def mhz20(band: Band | None, channel: int | None, width_mhz: int | None) -> frozenset[int]:
    """20 MHz channels, in MHz; none where band or channel are not known, or there is no such block."""
    if band is None or channel is None:
        return frozenset()
    return frozenset().union(*(block.mhz20 for block in blocks_of(band, channel, width_mhz or 20)))


def led_to(band: Band | None, widths_mhz: tuple[int, ...], edit: Edit, have: ConfigState) -> frozenset[int]:
    """20 MHz channels, in MHz, of where the edit leads; what it leaves open stays as it is.

    Raises Unsupported for a block that does not exist or that the device can't have.
    """
    now = {**have.configured, **have.in_force, **edit.set}
    channel, width = now.get(Setting.CHANNEL), now.get(Setting.WIDTH_MHZ, 20)
    if band is None or channel is None:
        raise Unsupported("it is not told on which channel the radio is: the edit must name one")
    found = mhz20(band, channel, width)
    if width not in widths_mhz or not found:
        raise Unsupported(f"{band} GHz has no channel {channel} of {width} MHz")
    return found


def cac_s(band: Band | None, mhz20: Set[int]) -> float:
    """Seconds, at the most, for these 20 MHz channels (MHz); 0: it need not listen."""
    if band is not Band.GHZ_5 or not mhz20 & DFS_MHZ:
        return 0.0
    return 600.0 if mhz20 & _WEATHER_MHZ else 60.0
