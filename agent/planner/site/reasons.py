"""Why a radio is better off elsewhere, in codes: what changed most between two options. Pure."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from agent.planner.site.problem import Option

OF_POWER: Final = frozenset(
    {
        "coverage_missing",
        "cells_overlap",
        "defer_less_to_faint_bsss",
        "faint_bsss_are_gone",
        "level_no_longer_pays",
        "coverage_needs_the_power",
        "level_over_what_its_power_allows",
    }
)
"""Why a power or an OBSS-PD level is changed for its own sake: no proof speaks of these."""

LEAST: Final = 0.02
"""Nats below which a difference is no reason."""


class Stand(NamedTuple):
    """One option, and the own radios in the way there."""

    option: Option
    own: float

    @property
    def nats(self) -> float:
        """ln of the MHz that it can expect there."""
        return self.option.nats(self.own)


def reasons(before: Stand, after: Stand) -> tuple[str, ...]:
    """Codes, the weightiest first; never empty."""
    found = _differences(before, after)
    told = sorted((code for code in found if found[code] >= LEAST), key=lambda code: (-found[code], code))
    return tuple(told) or ("better_for_others",)


def _differences(before: Stand, after: Stand) -> dict[str, float]:
    """How many nats each of them brings this radio."""
    was, is_now = before.option, after.option
    wider = is_now.block.width_mhz - was.block.width_mhz
    width = _log_of(is_now, "usable_khz") - _log_of(was, "usable_khz")
    usable = "wider" if wider > 0 else "narrower" if wider < 0 else "freer_secondary_channels"
    return {
        "less_contention": _contention(was.foreign, before.own) - _contention(was.foreign, after.own),
        "away_from_strangers": _contention(was.foreign, after.own) - _contention(is_now.foreign, after.own),
        "away_from_interference": _spared(was, is_now, "non_wifi_ppm"),
        "quieter_noise": _log_of(is_now, "rate_ppm") - _log_of(was, "rate_ppm"),
        "off_dfs": _spared(was, is_now, "radar_ppm"),
        usable: width,
    }


def _contention(foreign: float, own: float) -> float:
    return math.log1p(foreign + own)


def _log_of(option: Option, term: str) -> float:
    return math.log(max(1, option.terms.get(term, 1)))


def _spared(was: Option, is_now: Option, term: str) -> float:
    """Of a share of the air that is lost, in ppm."""
    lost, loses = was.terms.get(term, 0) / 1e6, is_now.terms.get(term, 0) / 1e6
    return math.log1p(-min(0.99, loses)) - math.log1p(-min(0.99, lost))
