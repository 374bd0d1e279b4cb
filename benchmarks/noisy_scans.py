"""What the radios of a simulated site report when they scan: the world's true levels, as receivers tell them.

A level is off by the noise of one scan, by fading that stays for an hour or two, and by a bias of the pair
that never goes away; now and then a beacon is missed, and faint ones often. The world itself is
`drivers.simulated`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from drivers.simulated.reading import read_radio
from drivers.simulated.world import World
from drivers.types import NeighborReading, RadioReading, Table
from inventory.model import RadioKey

SCAN_DB: Final = 3.5
"""Standard deviation of one scan's level around what is usual at that hour."""

FADING_DB: Final = 2.0
FADING_S: Final = 5400.0
"""Doors, people, furniture: how strong, and after how long another."""

PAIR_DB: Final = 2.0
"""Of one receiver and one sender, for ever: the two ways of a path do not agree."""

FLOOR_DBM: Final = -92.0
"""A beacon that arrives fainter is not decoded."""

MISSED: Final = 0.05
"""A loud beacon is not sent while the radio listens on its channel, or collides."""

LOAD_NOISE: Final = 0.05

TABLES: Final = frozenset({Table.STATUS, Table.CLIENTS, Table.SURVEY, Table.NEIGHBORS})


@dataclass(slots=True)
class Path:
    """One way of a pair: its bias, and the fading at this hour."""

    bias_db: float
    fading_db: float
    at_s: float


class Ears:
    """All radios of a world, each with receivers of its own. ``random``: all chance comes from it."""

    def __init__(self, world: World, random: Random) -> None:
        self._world, self._random = world, random
        self._paths: dict[tuple[RadioKey, str], Path] = {}

    def read(self, key: RadioKey, now_s: float) -> RadioReading:
        """What its device reports after a scan."""
        said = read_radio(self._world, key, TABLES, now_s)
        heard = (self._heard(key, each, now_s) for each in said.neighbors or ())
        return replace(said, neighbors=tuple(each for each in heard if each is not None))

    def _heard(self, key: RadioKey, true: NeighborReading, now_s: float) -> NeighborReading | None:
        random = self._random
        path = self._path(key, true.bssid, now_s)
        dbm = true.signal_dbm + path.bias_db + path.fading_db + random.gauss(0.0, SCAN_DB)
        load = true.utilization_ratio
        if dbm < FLOOR_DBM or random.random() < MISSED:
            return None
        told = None if load is None else min(1.0, max(0.0, load + random.gauss(0.0, LOAD_NOISE)))
        return replace(true, signal_dbm=round(dbm), utilization_ratio=told)

    def _path(self, key: RadioKey, bssid: str, now_s: float) -> Path:
        random, known = self._random, self._paths.get((key, bssid))
        if known is None:
            found = Path(random.gauss(0.0, PAIR_DB), random.gauss(0.0, FADING_DB), now_s)
            return self._paths.setdefault((key, bssid), found)
        rho = math.exp((known.at_s - now_s) / FADING_S)
        known.fading_db = rho * known.fading_db + random.gauss(0.0, FADING_DB * math.sqrt(1.0 - rho * rho))
        known.at_s = now_s
        return known
