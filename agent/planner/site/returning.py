"""Radios that radar drove off, and the channels that they may have again: which of them pay. Pure.

The non-occupancy period is over, and nobody needs to be asked to wait: it is the site's quiet hours. The way
back costs a CAC and the risk that radar comes again, which the problem's own terms say; what is left must be
worth a move like any other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agent.planner.site.assembling import assembled
from agent.planner.site.build import Graph, graph
from agent.planner.site.gains import Gains, kept
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.problem import Problem
from agent.planner.site.solution import Solution, start
from agent.view import SiteView
from inventory.model import RadioKey

REASON: Final = "radar_is_over"

Taken = Mapping[RadioKey, frozenset[int]]
"""Radios, with the 20 MHz channels (centres, MHz) that radar drove them off."""


def driven_off(view: SiteView) -> Taken:
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
    """A plan of nothing but returns; None: none pays. ``view``: pooled."""
    taken, least = driven_off(view), view.site.policy.plan.min_gain_ratio
    if not taken:
        return None
    built, taken = _graph(view, taken)
    solved = [_returns(problem, taken, math.log1p(least)) for problem in built.problems]
    plan = assembled(view, Wishes(least_gain=least, power=False, obss_pd=False, exact=False), built, solved)
    moves = tuple(replace(move, reasons=(REASON,)) for move in plan.moves)
    return replace(plan, moves=moves) if moves else None


def _graph(view: SiteView, taken: Taken) -> tuple[Graph, Taken]:
    """The site with these radios to be moved, and nobody told of that stays. A radio that may not stay where
    radar drove it, and whose best place is not on what it left, is counted where it is: to give it another
    one is not for the quiet hours."""
    built = graph(view, movable=taken.keys())
    elsewhere = {
        member.key
        for problem in built.problems
        for member, at in zip(problem.members, start(problem), strict=True)
        if member.now is None and not member.options[at].block.mhz20 & taken[member.key]
    }
    if elsewhere:
        return _graph(view, {key: mhz20 for key, mhz20 in taken.items() if key not in elsewhere})
    return replace(built, left=()), taken


def _returns(problem: Problem, taken: Taken, least_nats: float) -> Solution:
    """One band with each radio back that it pays for."""
    begin = start(problem)
    gains = Gains(problem, begin)
    for index, member in enumerate(problem.members):
        if member.key in taken and member.now is not None:
            gain, option = _best(gains, index, taken[member.key])
            if gain >= least_nats:
                gains.put(index, option)
    end, moves = kept(problem, gains.choice, least_nats)
    return Solution(problem=problem, start=begin, end=end, moves=moves)


def _best(gains: Gains, index: int, mhz20: frozenset[int]) -> tuple[float, int]:
    """What the best block on what it left brings it, its cost paid, and its option; less than nothing where
    there is none."""
    options = gains.problem.members[index].options
    there = [at for at, option in enumerate(options) if option.block.mhz20 & mhz20]
    ranked = [(gains.of(index, at) - options[at].move_cost, -at) for at in there]
    gain, at = max(ranked, default=(-math.inf, 0))
    return gain, -at
