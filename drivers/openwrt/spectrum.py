"""Which channels a radio may take at once, after listening, or not at all. Pure.

Over HTTP nothing tells which DFS channels have had their CAC, nor which are barred after radar (only `iw phy
channels` does): there every DFS channel but those in use needs a CAC, and barred is what was heard of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from inventory import regulatory
from inventory.channels import DFS_MHZ, Block
from inventory.model import Band

CAC_S: Final = 60.0
_WEATHER_CAC_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """``country``: two letters, None: not told. ``ready_mhz``: 20 MHz DFS channels that need no CAC now, the
    ones in use among them; ``nop_mhz``: those that are barred."""

    country: str | None = None
    ready_mhz: frozenset[int] = frozenset()
    nop_mhz: frozenset[int] = frozenset()

    def barred(self, block: Block) -> bool:
        """Whether radar was heard on part of it less than half an hour ago."""
        return bool(block.mhz20 & self.nop_mhz)

    def cac_needed_s(self, block: Block) -> float:
        """Seconds of listening before the block may be used; 0: none."""
        dfs = {mhz for mhz in block.mhz20 if is_dfs(block.band, mhz)}
        return 0.0 if dfs <= self.ready_mhz else self.cac_s(block)

    def cac_s(self, block: Block) -> float:
        """Seconds of listening of a radio that starts there."""
        if self.country in regulatory.countries():
            return regulatory.cac_s(self.country, block)
        if not any(is_dfs(block.band, mhz) for mhz in block.mhz20):
            return 0.0
        weather = block.low_mhz < 5650 and block.high_mhz > 5600
        return _WEATHER_CAC_S if weather else CAC_S  # an unknown country: the slower of the regions


def is_dfs(band: Band, mhz: int) -> bool:
    return band is Band.GHZ_5 and mhz in DFS_MHZ
