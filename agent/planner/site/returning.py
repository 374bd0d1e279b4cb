"""Radios that radar drove off, and the channels that they may have again: which of them pay. Pure.

The non-occupancy period is over, and nobody needs to be asked to wait: it is the site's quiet hours. The way
back costs a CAC and the risk that radar comes again, which the problem's own terms say; what is left must be
worth a move like any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from agent.planner import legal
from agent.planner.site.build import graph
from agent.planner.site.gains import Gains
from agent.planner.site.plan import Plan, PlannedMove, Wishes
from agent.planner.site.problem import Choice, Problem, contention, value
from agent.view import SiteView
from inventory.model import RadioKey

REASON: Final = "radar_is_over"


def driven_off(view: SiteView) -> Mapping[RadioKey, frozenset[int]]:
    """Radios that heard radar within a week and are elsewhere since, with the 20 MHz channels (centres, MHz)
    where they heard it that are not barred any more."""
    found = dict[RadioKey, frozenset[int]]()
    for met in view.radar:
        for key in met.radios & view.radios.keys():
            block = view.radios[key].block
            if block is not None and not block.mhz20 & met.mhz20:
                found[key] = found.get(key, frozenset()) | met.mhz20 - view.barred_mhz
    return {key: mhz20 for key, mhz20 in found.items() if mhz20}


def returning(view: SiteView) -> Plan | None:
    """A plan of nothing but returns; None: none pays."""
    left = driven_off(view)
    if not left:
        return None
    least = view.site.policy.plan.min_gain_ratio
    moves, gained, radios, before = list[PlannedMove](), 0.0, 0, 0.0
    for problem in graph(view, movable=left.keys()).problems:
        start = _start(problem)
        gains = Gains(problem, start)
        for index, member in enumerate(problem.members):
            if member.key in left and (best := _best(problem, gains, index, left[member.key], least)):
                gain, option = best
                gains.put(index, option)
                moves.append(_move(view, problem, gains, index, gain))
        radios, before = radios + len(problem.members), before + value(problem, start)
        gained += value(problem, gains.choice) - value(problem, start)
    if not moves:
        return None
    return Plan(
        site=view.site.id,
        made_utc_us=view.now.utc_us,
        radios=radios,
        value_now=before,
        value_then=before + gained,
        bound=None,
        confidence=1.0,
        moves=tuple(moves),
        outlook=(),
        left=(),
        gain_ratio=math.expm1(gained / radios),
        seconds=0.0,
        wishes=Wishes(least_gain=least, power=False, obss_pd=False, exact=False),
    )


def _start(problem: Problem) -> Choice:
    """Where the radios are; of one that may not stay where radar drove it, its first option: it must go
    anyway, so only the best of all is asked for."""
    return tuple(member.now or 0 for member in problem.members)


def _best(
    problem: Problem, gains: Gains, index: int, mhz20: frozenset[int], least: float
) -> tuple[float, int] | None:
    """The best block on what was left because of radar: what going there brings, its cost paid, and its
    option; None: it does not pay."""
    member = problem.members[index]
    ranked = [(gains.of(index, at) - option.move_cost, -at) for at, option in enumerate(member.options)]
    there = [each for each in ranked if member.options[-each[1]].block.mhz20 & mhz20]
    gain, at = max(there, default=(0.0, 0))
    pays = gain >= math.log1p(least) if member.now is not None else (gain, at) == max(ranked)
    return (gain, -at) if there and pays else None


def _move(view: SiteView, problem: Problem, gains: Gains, index: int, gain: float) -> PlannedMove:
    member, choice = problem.members[index], gains.choice
    then, at = member.options[choice[index]], view.radios[member.key]
    start = _start(problem)
    return PlannedMove(
        radio=member.key,
        step=0,
        target=legal.moved_to(view, at, then.block),
        before=at.block,
        after=then.block,
        mhz_before=member.options[start[index]].mhz(contention(problem, start)[index]),
        mhz_after=then.mhz(contention(problem, choice)[index]),
        gain=gain,
        cac_s=then.cac_s,
        reasons=(REASON,),
    )
