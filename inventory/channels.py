"""The band plan: channel <-> MHz, the blocks of 20 to 320 MHz, how much of one block another covers.

A *block* is what a BSS occupies: a primary 20 MHz channel inside 20, 40, 80, 160 or 320 MHz around a
centre. Source: IEEE 802.11-2020 Annex E and 17.3.8.4, 802.11ax 27.3.23.2, 802.11be 36.3.24; a 6 GHz
320 MHz block is 320-1 (centres 31, 95, 159) or 320-2 (centres 63, 127, 191).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

from inventory.model import Band

_START_MHZ: Final[Mapping[Band, int]] = MappingProxyType(
    {Band.GHZ_2_4: 2407, Band.GHZ_5: 5000, Band.GHZ_6: 5950}
)
_SPECIAL_MHZ: Final[Mapping[tuple[Band, int], int]] = MappingProxyType(
    {(Band.GHZ_2_4, 14): 2484, (Band.GHZ_6, 2): 5935}
)

# Centre channels of the blocks. Each 5 GHz line has its gaps: 64-100 and 144-149.
_CENTERS: Final[Mapping[Band, Mapping[int, tuple[int, ...]]]] = MappingProxyType(
    {
        Band.GHZ_2_4: MappingProxyType({20: tuple(range(1, 15)), 40: tuple(range(3, 12))}),
        Band.GHZ_5: MappingProxyType(
            {
                20: (*range(36, 65, 4), *range(100, 145, 4), *range(149, 178, 4)),
                40: (*range(38, 63, 8), *range(102, 143, 8), *range(151, 176, 8)),
                80: (42, 58, 106, 122, 138, 155, 171),
                160: (50, 114, 163),
            }
        ),
        Band.GHZ_6: MappingProxyType(
            {
                20: (1, 2, *range(5, 234, 4)),
                40: tuple(range(3, 228, 8)),
                80: tuple(range(7, 216, 16)),
                160: tuple(range(15, 208, 32)),
                320: (31, 63, 95, 127, 159, 191),
            }
        ),
    }
)

PREFERRED_SCANNING: Final[frozenset[int]] = frozenset(range(5, 230, 16))
"""6 GHz primaries that clients look at first (802.11ax 26.17.2.3.3)."""

DFS_MHZ: Final = frozenset({*range(5260, 5321, 20), *range(5500, 5721, 20)})
"""20 MHz channels, by their centre, on which radar must be listened for under every regulation that has DFS
(5250-5350 and 5470-5730 MHz); for devices that do not tell. Whether a country has DFS, `regulatory` says."""


def _mhz(band: Band, number: int) -> int:
    return _SPECIAL_MHZ.get((band, number), _START_MHZ[band] + 5 * number)


_CHANNEL_OF: Final[Mapping[int, tuple[Band, int]]] = MappingProxyType(
    {_mhz(band, number): (band, number) for band, widths in _CENTERS.items() for number in widths[20]}
)


def widths_mhz(band: Band) -> tuple[int, ...]:
    """Widths of the band in MHz, rising."""
    return tuple(_CENTERS[band])


def channels(band: Band) -> tuple[int, ...]:
    """Primary channels of the band, rising."""
    return _CENTERS[band][20]


def frequency_mhz(band: Band, channel: int) -> int:
    """Centre of a 20 MHz channel. ValueError when the band has no such channel."""
    if channel not in _CENTERS[band][20]:
        raise ValueError(f"{band} GHz has no channel {channel}; it has {_listed(channels(band))}")
    return _mhz(band, channel)


def is_centre(mhz: int) -> bool:
    """Whether a 20 MHz channel has this centre."""
    return mhz in _CHANNEL_OF


def channel_of(frequency_mhz: int) -> tuple[Band, int]:
    """Band and number of the 20 MHz channel with this centre. ValueError when there is none."""
    try:
        return _CHANNEL_OF[frequency_mhz]
    except KeyError:
        raise ValueError(f"{frequency_mhz} MHz is the centre of no 20 MHz channel") from None


@cache
def _parts_mhz(center_mhz: int, width_mhz: int) -> frozenset[int]:
    lowest = center_mhz - width_mhz // 2 + 10
    return frozenset(range(lowest, lowest + width_mhz, 20))


@cache
def _centers_mhz(band: Band, width_mhz: int) -> frozenset[int]:
    return frozenset(_mhz(band, number) for number in _CENTERS[band].get(width_mhz, ()))


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """What a BSS occupies. ``center_mhz`` is the middle of the whole width.

    Only blocks of the band plan exist: anything else raises ValueError.
    """

    band: Band
    primary: int
    width_mhz: int
    center_mhz: int

    def __post_init__(self) -> None:
        frequency = frequency_mhz(self.band, self.primary)
        if self.center_mhz not in _centers_mhz(self.band, self.width_mhz) or frequency not in self.mhz20:
            raise ValueError(
                f"no {self.width_mhz} MHz block around {self.center_mhz} MHz holds {self.band} GHz "
                f"channel {self.primary}"
            )

    @property
    def mhz20(self) -> frozenset[int]:
        """Centres in MHz of its 20 MHz channels."""
        return _parts_mhz(self.center_mhz, self.width_mhz)

    @property
    def primary_mhz(self) -> int:
        return _mhz(self.band, self.primary)

    @property
    def low_mhz(self) -> int:
        """Lower edge of the spectrum."""
        return self.center_mhz - self.width_mhz // 2

    @property
    def high_mhz(self) -> int:
        """Upper edge of the spectrum."""
        return self.center_mhz + self.width_mhz // 2

    def __str__(self) -> str:
        """``52/40``; where primary and width leave two blocks: ``6/40+``, ``6/40-``, ``37/320-1``."""
        return f"{self.primary}/{self.width_mhz}{self._which}"

    @property
    def _which(self) -> str:
        if self.band is Band.GHZ_2_4 and self.width_mhz == 40:
            return "+" if self.center_mhz > self.primary_mhz else "-"
        if self.width_mhz == 320:
            return "-1" if (self.center_mhz - 6105) % 320 == 0 else "-2"
        return ""


@cache
def blocks(band: Band, width_mhz: int) -> tuple[Block, ...]:
    """Every primary of every block of that width, in the order of frequency; none: no such width."""
    return tuple(
        Block(band, channel_of(part)[1], width_mhz, center)
        for center in sorted(_centers_mhz(band, width_mhz))
        for part in sorted(_parts_mhz(center, width_mhz))
    )


@cache
def blocks_of(band: Band, primary: int, width_mhz: int) -> tuple[Block, ...]:
    """Blocks of that width around a primary: none, one, or two (2.4 GHz 40 MHz and 320 MHz)."""
    return tuple(block for block in blocks(band, width_mhz) if block.primary == primary)


def block(band: Band, primary: int, width_mhz: int, center_mhz: int | None = None) -> Block:
    """The block of that width around a primary. ``center_mhz`` None: there must be just one.

    ValueError lists what would be right.
    """
    if (found := _only(band, primary, width_mhz, center_mhz)) is not None:
        return found
    raise ValueError(_why_not(band, primary, width_mhz, center_mhz))


@lru_cache(4096)  # asked for at every reading of every radio; a device may name any number
def _only(band: Band, primary: int, width_mhz: int, center_mhz: int | None) -> Block | None:
    found = blocks_of(band, primary, width_mhz)
    fitting = [each for each in found if center_mhz in (None, each.center_mhz)]
    return fitting[0] if len(fitting) == 1 else None


def _why_not(band: Band, primary: int, width_mhz: int, center_mhz: int | None) -> str:
    if primary not in channels(band):
        return f"{band} GHz has no channel {primary}; it has {_listed(channels(band))}"
    if found := blocks_of(band, primary, width_mhz):
        centers = _listed(each.center_mhz for each in found)
        return (
            f"{band} GHz channel {primary} at {width_mhz} MHz: center_mhz can be {centers}, not {center_mhz}"
        )
    widths = _listed(width for width in widths_mhz(band) if blocks_of(band, primary, width))
    return f"{band} GHz channel {primary} has no {width_mhz} MHz block; it has {widths} MHz"


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def overlap_ratio(a: Block, b: Block) -> float:
    """Share of a's spectrum that b covers, 0..1. A 2.4 GHz channel is 20 MHz wide (OFDM)."""
    shared_mhz = min(a.high_mhz, b.high_mhz) - max(a.low_mhz, b.low_mhz)
    return max(0, shared_mhz) / a.width_mhz
