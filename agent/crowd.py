"""The clients of one radio over the day: how many, and what widths they can use. Pure.

Who happens to be connected at this moment is chance; a width that is chosen for the three people of this
night is wrong in the morning. Each client counts by the time that it was there, old times less
(`agent.levels.LOAD_HALF_LIFE_S`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from agent.levels import LOAD_HALF_LIFE_S
from drivers.types import ClientReading

ROUND_S: Final = 300.0
"""So often is looked who is there."""

WIDTHS_MHZ: Final = (40, 80, 160, 320)


class Crowd(NamedTuple):
    """``looks``: at how many moments, weighted; ``clients``: client-moments, ``told``: those of which it is
    known what they can use; ``able``: those of these that can use 40, 80, 160, 320 MHz. ``at_s``: of the
    last look."""

    looks: float = 0.0
    clients: float = 0.0
    told: float = 0.0
    able: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    at_s: float | None = None

    def due(self, at_s: float) -> bool:
        return self.at_s is None or at_s - self.at_s >= ROUND_S

    def seen(self, count: int, clients: Iterable[ClientReading], at_s: float) -> Crowd:
        """With one more look. ``count``: how many there are, ``clients``: those of them that are named."""
        left = 1.0 if self.at_s is None else float(0.5 ** ((at_s - self.at_s) / LOAD_HALF_LIFE_S))
        widths = [each.max_width_mhz for each in clients if each.max_width_mhz is not None]
        able = (sum(known >= width for known in widths) for width in WIDTHS_MHZ)
        return Crowd(
            looks=self.looks * left + 1.0,
            clients=self.clients * left + count,
            told=self.told * left + len(widths),
            able=tuple(before * left + now for before, now in zip(self.able, able, strict=True)),
            at_s=at_s,
        )


class Usual(NamedTuple):
    """What can be expected of a radio's clients. ``clients``: how many there are on the average; ``able``:
    share of them that can use 40, 80, 160, 320 MHz."""

    clients: float
    able: tuple[float, ...]

    def share(self, width_mhz: int) -> float:
        return self.able[WIDTHS_MHZ.index(width_mhz)]


EMPTY: Final = Crowd()

SITE_LOOKS: Final = 96.0
"""Client-moments (8 client-hours) after which a radio's own clients count as much as those of its band at the
whole site."""

SITE_MOMENTS: Final = 12.0
"""Looks (one hour) after which its own number of clients counts as much as the mean of the site."""


def together(crowds: Iterable[Crowd]) -> Crowd:
    """The clients of many radios."""
    found = list(crowds)
    return Crowd(
        looks=sum(each.looks for each in found),
        clients=sum(each.clients for each in found),
        told=sum(each.told for each in found),
        able=tuple(sum(each.able[nth] for each in found) for nth in range(len(WIDTHS_MHZ))),
    )


def usual(own: Crowd, site: Crowd) -> Usual:
    """What one radio's clients are like; where little is known of them, like those of the site. Where
    nothing is known of anybody, all can use everything."""
    everywhere = [able / site.told if site.told > 0 else 1.0 for able in site.able]
    mean = site.clients / site.looks if site.looks > 0 else 0.0
    return Usual(
        clients=(own.clients + SITE_MOMENTS * mean) / (own.looks + SITE_MOMENTS),
        able=tuple(
            (able + SITE_LOOKS * likely) / (own.told + SITE_LOOKS)
            for able, likely in zip(own.able, everywhere, strict=True)
        ),
    )
