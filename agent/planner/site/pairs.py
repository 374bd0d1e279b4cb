"""Who of a band is in whose way, and how much. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.planner.site.heard import (
    BESIDE_DBM,
    MOST_LIKELY,
    RECEIVER_SD_DB,
    USUAL_NEIGHBOURS,
    Level,
    at_distance,
    expected,
    levels_between,
    listened,
    positions,
    power_dbm,
)
from agent.planner.site.problem import Option, Pair
from agent.planner.surroundings import CCA_DBM, CCA_SECONDARY_DBM, UNKNOWN_LOAD
from agent.view import RadioView, SiteView, center_of
from inventory.model import Band, RadioKey, ap_of

FAINT: Final = 0.002
"""Pairs that take less of the air than this from each other are left out: a hundred of them are a fifth."""

SECONDARY_PART: Final = 0.5
"""Of what a radio loses to another that is known by the prior alone, by its deafer secondary channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One radio that takes part, with its options and the index of the one that it is on (None: none)."""

    at: RadioView
    options: tuple[Option, ...]
    now: int | None


def pairs_of(view: SiteView, band: Band, placed: Sequence[Placed]) -> tuple[Pair, ...]:
    """Pairs of the radios of one band that are in each other's way, by their indices."""
    loads = [max(UNKNOWN_LOAD, sent(view, each.at) or 0.0) for each in placed]
    levels = levels_between(view, [each.at for each in placed])
    levels |= _beside(placed)
    unknown = [each for each in _unheard(view, placed) if each not in levels]
    by_distance = _by_distance(view, band, placed, unknown)
    levels |= by_distance
    found = [_pair(a, b, levels[a, b], levels[b, a], loads) for a, b in levels if a < b]
    found += _by_prior([each for each in unknown if each not in by_distance], loads)
    return tuple(sorted(each for each in found if max(each.primary_ab, each.primary_ba) >= FAINT))


def sent(view: SiteView, at: RadioView) -> float | None:
    """Share of the air that a radio's own frames take; None: not measured."""
    if at.block is None:
        return None
    mhz = center_of(at.radio.band, at.block.primary)
    air = at.measured(mhz, view.site.policy.neighbour_age_s)
    return air.tx if air else None


def _pair(a: int, b: int, a_hears: Level, b_hears: Level, loads: Sequence[float]) -> Pair:
    return Pair(
        a,
        b,
        primary_ab=expected(a_hears, CCA_DBM) * loads[b],
        primary_ba=expected(b_hears, CCA_DBM) * loads[a],
        secondary_ab=expected(a_hears, CCA_SECONDARY_DBM) * loads[b],
        secondary_ba=expected(b_hears, CCA_SECONDARY_DBM) * loads[a],
    )


def _beside(placed: Sequence[Placed]) -> dict[tuple[int, int], Level]:
    """Radios of one AP disturb each other, however little they report of that."""
    by_ap: dict[str, list[int]] = {}
    for index, each in enumerate(placed):
        by_ap.setdefault(ap_of(each.at.key), []).append(index)
    near = Level(BESIDE_DBM, RECEIVER_SD_DB)
    return {(a, b): near for group in by_ap.values() for a in group for b in group if a != b}


def _unheard(view: SiteView, placed: Sequence[Placed]) -> Iterator[tuple[int, int]]:
    """Pairs of which neither listened."""
    deaf = [index for index, each in enumerate(placed) if not listened(view, each.at)]
    return ((a, b) for at, a in enumerate(deaf) for b in deaf[at + 1 :])


def _by_distance(
    view: SiteView, band: Band, placed: Sequence[Placed], unknown: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Level]:
    """Where both positions are known, both ways."""
    where: Mapping[RadioKey, tuple[float, float, float]] = positions(view)
    found: dict[tuple[int, int], Level] = {}
    for a, b in unknown:
        one, two = placed[a].at, placed[b].at
        a_m, b_m = where.get(one.key), where.get(two.key)
        if a_m is not None and b_m is not None:
            found[a, b] = at_distance(band, a_m, b_m, power_dbm(two))
            found[b, a] = at_distance(band, a_m, b_m, power_dbm(one))
    return found


def _by_prior(unknown: Sequence[tuple[int, int]], loads: Sequence[float]) -> list[Pair]:
    """Where nothing is known but that they are of one site."""
    chance = min(MOST_LIKELY, USUAL_NEIGHBOURS / max(1, len(loads) - 1))
    return [
        Pair(
            a,
            b,
            primary_ab=chance * loads[b],
            primary_ba=chance * loads[a],
            secondary_ab=SECONDARY_PART * chance * loads[b],
            secondary_ba=SECONDARY_PART * chance * loads[a],
        )
        for a, b in unknown
    ]
