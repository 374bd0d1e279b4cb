"""How loud the site's own radios are to each other, and how sure that is. Pure.

measured both ways  -> as measured
measured one way    -> the path is the same both ways: corrected by the difference of the powers
nobody listened     -> unknown: by the distance where both positions are known, else by a prior
one or both listened and heard nothing -> too faint to matter
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from agent.levels import USUAL_SD_DB
from agent.planner.surroundings import CCA_SLOPE_DB
from agent.view import RadioView, SiteView
from drivers.types import NeighborReading
from inventory.model import Band, RadioKey

RECEIVER_SD_DB: Final = 2.0
"""Of any measured level: two receivers of one model differ so much, and no number of scans changes that."""

MEASURED_SD_DB: Final = math.hypot(RECEIVER_SD_DB, USUAL_SD_DB)
"""Of a level that rests on one scan."""

RECIPROCAL_SD_DB: Final = 6.0
"""Of a level that follows from the other way: two receivers and two stated powers are in it."""

MISSED_DBM: Final = -85.0
"""At most so loud is somebody whom a radio that listened did not report: a short scan misses faint beacons,
hardly ever loud ones."""

BESIDE_DBM: Final = -30.0
"""Two radios in one housing."""

USUAL_POWER_DBM: Final = 20.0

PATH_EXPONENT: Final = 3.3
"""Loss within a floor of offices: 10 n lg(d), n = 3 to 3.5 (ITU-R P.1238, N = 30 to 33)."""

FLOOR_DB: Final = 15.0
"""What a ceiling costs (ITU-R P.1238: 9 to 16 dB for the first)."""

STOREY_M: Final = 3.0

DISTANT_SD_DB: Final = 9.0
"""Of a level that is known by the distance alone: walls (ITU-R P.1238: 8 to 12 dB)."""

USUAL_NEIGHBOURS: Final = 6.0
"""Where not even positions are known: so many radios of its site hear a radio as a rule."""

MOST_LIKELY: Final = 0.5

_MHZ: Final[Mapping[Band, float]] = {Band.GHZ_2_4: 2440.0, Band.GHZ_5: 5500.0, Band.GHZ_6: 6200.0}


class Level(NamedTuple):
    """How loud one radio hears another: dBm, and the standard deviation of that in dB. ``presence``: in which
    part of the scans it was heard, 0..1."""

    dbm: float
    sd_db: float
    presence: float = 1.0


def expected(level: Level, cca_dbm: float) -> float:
    """Mean of `agent.planner.surroundings.deferral` over the error of the level, 0..1.

    A logistic curve over a normal error: sigmoid(m / sqrt(1 + pi s^2 / 8)), good to 0.02 (MacKay, The
    evidence framework applied to classification networks, 1992).
    """
    steep = CCA_SLOPE_DB * math.sqrt(1.0 + math.pi / 8.0 * (level.sd_db / CCA_SLOPE_DB) ** 2)
    above = max(-60.0, min(60.0, (level.dbm - cca_dbm) / steep))
    return level.presence / (1.0 + math.exp(-above))


def returned(level: Level, sent_dbm: float, answered_dbm: float, *, listened: bool) -> Level:
    """How loud the other one hears us, by how loud we hear it; ``sent_dbm``: its power, ``answered_dbm``:
    ours. ``listened``: it did, and did not report us."""
    dbm = level.dbm + answered_dbm - sent_dbm
    most_dbm = MISSED_DBM if listened else math.inf
    return Level(min(dbm, most_dbm), max(level.sd_db, RECIPROCAL_SD_DB), level.presence)


def power_dbm(at: RadioView) -> float:
    """Conducted power, the usual one where it is not told."""
    told = at.reading.tx_power_dbm if at.reading else None
    return USUAL_POWER_DBM if told is None else told.value


def at_distance(band: Band, a_m: Sequence[float], b_m: Sequence[float], power: float) -> Level:
    """Level at a distance: free space up to a metre, then 10 n lg(d), and each ceiling between."""
    storeys = round(abs(a_m[2] - b_m[2]) / STOREY_M)
    away_m = max(1.0, math.dist(a_m, b_m))
    first_m = 20.0 * math.log10(_MHZ[band]) - 27.55
    return Level(
        power - first_m - 10.0 * PATH_EXPONENT * math.log10(away_m) - FLOOR_DB * storeys, DISTANT_SD_DB
    )


def listened(view: SiteView, at: RadioView) -> bool:
    """Whether it told lately whom it hears, be it nobody."""
    limit_s = view.site.policy.neighbour_age_s
    if at.scanned_age_s is not None:
        return at.scanned_age_s <= limit_s
    return at.scanned or any(True for _ in at.heard(limit_s))


def levels_between(view: SiteView, radios: Sequence[RadioView]) -> dict[tuple[int, int], Level]:
    """How loud the first hears the second, by its loudest BSS; the way that was not heard by the one that
    was. By their places among ``radios``; pairs of which neither way was heard are missing."""
    found = _heard(view, radios)
    power = [power_dbm(each) for each in radios]
    asked = [listened(view, each) for each in radios]
    for (a, b), level in list(found.items()):
        if (b, a) not in found:
            found[b, a] = returned(level, sent_dbm=power[b], answered_dbm=power[a], listened=asked[b])
    return found


def measured(at: RadioView, heard: NeighborReading) -> Level:
    """A level that rests on one scan, or on as many as were pooled."""
    spread = at.spread.get(heard.bssid)
    scans = max(1.0, spread.scans) if spread else 1.0
    sd_db = math.hypot(RECEIVER_SD_DB, at.spread_db(heard.bssid) / math.sqrt(scans))
    return Level(heard.signal_dbm, sd_db, at.presence(heard.bssid))


def _heard(view: SiteView, radios: Sequence[RadioView]) -> dict[tuple[int, int], Level]:
    index = {each.key: at for at, each in enumerate(radios)}
    limit_s = view.site.policy.neighbour_age_s
    found: dict[tuple[int, int], Level] = {}
    for a, each in enumerate(radios):
        for heard in each.heard(limit_s):
            b = index.get(view.bssids.get(heard.bssid, each.key), a)
            if b != a and ((a, b) not in found or heard.signal_dbm > found[a, b].dbm):
                found[a, b] = measured(each, heard)
    return found


def positions(view: SiteView) -> Mapping[RadioKey, tuple[float, float, float]]:
    """Where the radios hang, of those whose position is known."""
    return {
        radio.key: ap.position_m
        for ap in view.site.aps.values()
        if ap.position_m is not None
        for radio in ap.radios
    }
