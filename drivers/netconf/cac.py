"""How long a radio would listen for radar before it serves a block, where the device does not tell. Pure."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from inventory.model import Band

# 5250-5350 and 5470-5730 MHz listen before they serve, under every regulation that has DFS; 5600-5650 MHz for
# ten minutes under ETSI's. A device knows its own, and neither model tells of it.
_DFS_MHZ: Final = frozenset({*range(5260, 5321, 20), *range(5500, 5721, 20)})
_WEATHER_MHZ: Final = frozenset({5600, 5620, 5640})


def cac_s(band: Band | None, mhz20: Set[int]) -> float:
    """Seconds, at the most, for these 20 MHz channels (MHz); 0: it need not listen."""
    if band is not Band.GHZ_5 or not mhz20 & _DFS_MHZ:
        return 0.0
    return 600.0 if mhz20 & _WEATHER_MHZ else 60.0
