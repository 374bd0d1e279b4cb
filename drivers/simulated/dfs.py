"""Radar rules inside one simulated radio: what it must not use, and where it need not listen first. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from inventory.channels import Block, block, blocks, channel_of
from inventory.model import Radio
from inventory.regulatory import NOP_S, cac_s, dfs_needed, dfs_region, refusal

CSA_S = 0.4
"""From the announcement to the switch; measured with hostapd 2.10."""


def dfs_parts(country: str, where: Block) -> frozenset[int]:
    """Centres in MHz of the 20 MHz channels of the block that need radar detection."""
    return frozenset(mhz for mhz in where.mhz20 if _is_dfs(country, mhz))


def _is_dfs(country: str, mhz: int) -> bool:
    band, channel = channel_of(mhz)
    return dfs_needed(country, block(band, channel, 20))


@dataclass(slots=True)
class RadarMemory:
    """``nop``: 20 MHz channel (MHz) -> end of its non-occupancy period. ``credit``: DFS channels that need
    no new availability check."""

    country: str
    nop: dict[int, float] = field(default_factory=dict)
    credit: set[int] = field(default_factory=set)

    def hit(self, mhz20: Iterable[int], now_s: float) -> float:
        """Radar on these channels; returns when they are free again."""
        end_s = now_s + NOP_S
        for mhz in mhz20:
            self.nop[mhz] = end_s
            self.credit.discard(mhz)
        return end_s

    def expire(self, now_s: float) -> frozenset[int]:
        """Forget the periods that are over; returns their channels."""
        over = frozenset(mhz for mhz, end_s in self.nop.items() if end_s <= now_s)
        for mhz in over:
            del self.nop[mhz]
        return over

    def barred(self, where: Block) -> bool:
        return not where.mhz20.isdisjoint(self.nop)

    def is_dfs(self, mhz: int) -> bool:
        return _is_dfs(self.country, mhz)

    def cac_s(self, where: Block) -> float:
        """Seconds of silence before transmitting there."""
        return 0.0 if dfs_parts(self.country, where) <= self.credit else cac_s(self.country, where)

    def checked(self, where: Block) -> None:
        self.credit |= dfs_parts(self.country, where)

    def left_for(self, where: Block) -> None:
        """The radio is on another block: outside ETSI rules the credit for all else is lost."""
        if dfs_region(self.country) != "ETSI":
            self.credit &= where.mhz20

    def forget(self) -> None:
        """A reboot: this device keeps neither."""
        self.nop.clear()
        self.credit.clear()


def usable(country: str, where: Block, radio: Radio, allowed_mhz: frozenset[int] | None) -> bool:
    """Whether the device itself would transmit there, radar aside."""
    listed = allowed_mhz is None or where.mhz20 <= allowed_mhz
    return listed and refusal(country, where, radio) is None


def legal_mhz(country: str, radio: Radio, allowed_mhz: frozenset[int] | None) -> frozenset[int]:
    """20 MHz channels, MHz, on which the device may transmit at all."""
    return frozenset(
        each.primary_mhz for each in blocks(radio.band, 20) if usable(country, each, radio, allowed_mhz)
    )


def refuge(
    memory: RadarMemory, here: Block, radio: Radio, allowed_mhz: frozenset[int] | None, random: Random
) -> Block | None:
    """A random legal block without DFS, as wide as possible; None: there is nowhere to go."""
    for width in sorted({20, 40, 80, 160, 320}, reverse=True):
        if width > here.width_mhz:
            continue
        found = [
            each
            for each in blocks(here.band, width)
            if usable(memory.country, each, radio, allowed_mhz)
            and not dfs_needed(memory.country, each)
            and not memory.barred(each)
        ]
        if found:
            return random.choice(found)
    return None
