"""A plan for a person: what would be moved, what it brings, and why, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from agent.cli.duration import spoken
from agent.cli.terminal import count, show, show_table
from agent.planner.site.reasons import OF_POWER

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "less_contention": "fewer of our own APs in the way",
        "away_from_strangers": "away from other people's APs",
        "away_from_interference": "away from interference",
        "quieter_noise": "less noise",
        "off_dfs": "less at the mercy of radar",
        "wider": "wider",
        "narrower": "narrower, so that all have room",
        "freer_secondary_channels": "the whole width is free more often",
        "better_for_others": "others gain by it",
        "no_place_now": "it has no place now",
        "radar_is_over": "back to the channel that radar had taken",
        "coverage_missing": "coverage is missing at the edge of its cell",
        "cells_overlap": "its cell overlaps its neighbours' too much",
        "defer_less_to_faint_bsss": "it need not defer to faint APs",
        "faint_bsss_are_gone": "the faint APs that it did not defer to are gone",
        "level_no_longer_pays": "not deferring to faint APs pays no more",
        "coverage_needs_the_power": "its clients need the power that its OBSS-PD level forbids",
        "level_over_what_its_power_allows": "its OBSS-PD level does not go with its power",
        "pinned_in_the_site_file": "pinned in the site file",
        "other_zone": "not of this zone",
        "switched_off": "switched off",
        "channel_not_known": "its channel is not known",
        "nobody_listened_lately": "nobody listened elsewhere lately",
        "no_legal_block": "no channel of its lists is legal and free",
    }
)
"""Codes of moves and of radios that stay; others say by themselves what they mean."""

_NOTHING_BETTER: Final = "proven: nothing better"

_SAME: Final = 0.01
"""A smaller part of the MHz is no difference that anybody sees."""


def show_plan(plan: Mapping[str, Any]) -> None:
    show(summary(plan))
    if plan["moves"]:
        show_table("Moves", _MOVE_COLUMNS, map(_move, plan["moves"]))
    gains = list(_gains(plan["outlook"]))
    if gains:
        show_table("APs whose share changes", ("AP", "MHz now", "then", "gain"), gains)
    if plan["left"]:
        show_table("Left alone", ("radio", "why", ""), map(_left, plan["left"]))


def summary(plan: Mapping[str, Any]) -> str:
    """The plan in one line."""
    if not plan["radios"]:
        return f"{plan['site']}: nothing to plan: no radio is on air"
    moves, radios = len(plan["moves"]), plan["radios"]
    steps = len({each["step"] for each in plan["moves"]})
    what = f"{count(moves, 'change')} in {count(steps, 'step')}" if moves else "no change"
    now, then = _mean(plan["value_now"], radios), _mean(plan["value_then"], radios)
    gain = f"{now:.1f} -> {then:.1f} MHz for each of {count(radios, 'radio')} in the mean"
    parts = [
        what,
        f"{gain} ({plan['gain_ratio']:+.1%})",
        f"confidence {plan['confidence']:.0%}",
        _bound(plan),
    ]
    if plan["timed_out"] and not parts[-1].endswith(_NOTHING_BETTER):
        parts.append(
            f"stopped after {plan['wishes']['limit_s']:g} s: with more time there may be a better plan"
        )
    return f"{plan['site']}: {'; '.join(parts)}"


_ROUNDING: Final = 1e-5
"""So near to the best there is the solver stops, which counts in millionths of a nat and rounds up."""


def _bound(plan: Mapping[str, Any]) -> str:
    """What another plan with so many moves could bring at most."""
    bound, radios = plan["bound"], plan["radios"]
    if bound is None or not radios:
        return "no bound proven"
    more = math.expm1(max(0.0, bound - plan["value_then"]) / radios)
    only = "channels: " if any(_powers(each) for each in plan["moves"]) else ""
    if more <= _ROUNDING:
        return only + _NOTHING_BETTER
    return f"{only}proven: at most {math.ceil(more * 1e4) / 1e4:.2%} better is possible"


def _powers(move: Mapping[str, Any]) -> bool:
    """Whether its power or OBSS-PD level is changed for its own sake."""
    return not OF_POWER.isdisjoint(move["reasons"])


def _mean(value: float, radios: int) -> float:
    """The geometric mean of the radios' MHz."""
    return math.exp(value / radios) if radios else 0.0


_MOVE_COLUMNS: Final = ("step", "radio", "from", "to", "also", "MHz now", "then", "gain", "CAC", "why")


def _move(move: Mapping[str, Any]) -> tuple[Any, ...]:
    same = move["before"] == move["after"]
    return (
        move["step"],
        move["radio"],
        block(move["before"]),
        None if same else block(move["after"]),
        ", ".join(_also(move["target"])) or None,
        f"{move['mhz_before']:.1f}",
        f"{move['mhz_after']:.1f}",
        f"{math.expm1(move['gain']):+.0%}" if move["gain"] else None,
        spoken(move["cac_s"]) if move["cac_s"] else None,
        ", ".join(map(said, move["reasons"])) or None,
    )


def _also(target: Mapping[str, int]) -> Iterator[str]:
    if (dbm := target.get("tx_power_dbm")) is not None:
        yield f"{dbm} dBm"
    if (dbm := target.get("obss_pd_dbm")) is not None:
        yield f"OBSS-PD {dbm} dBm"


def block(found: Mapping[str, Any] | None) -> str | None:
    """``36/80``; None: off air, or not known."""
    from agent.planner.site.plan_json import to_block

    return None if found is None else str(to_block(found))


def _gains(outlook: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """APs whose radios together can expect something else than now."""
    now: dict[str, float] = {}
    then: dict[str, float] = {}
    for each in outlook:
        ap = each["radio"].rsplit("/", 1)[0]
        now[ap] = now.get(ap, 0.0) + each["mhz_before"]
        then[ap] = then.get(ap, 0.0) + each["mhz_after"]
    for ap, mhz in now.items():
        if abs(then[ap] - mhz) > _SAME * max(then[ap], mhz):
            yield ap, f"{mhz:.1f}", f"{then[ap]:.1f}", f"{then[ap] / mhz - 1:+.0%}" if mhz else None


def _left(each: Mapping[str, Any]) -> tuple[Any, ...]:
    return each["radio"], said(each["reason"]), each["params"] or None


def said(code: str) -> str:
    return WORDS.get(code, code.replace("_", " "))
