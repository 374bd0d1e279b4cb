"""Each block that a radio could be on, with every term of its worth to the site, to be checked by hand. Pure.

    MHz    = usable x rate x (1 - non_wifi) x (1 - radar) / (1 + foreign + own)
    site   = weight x ln(MHz / MHz now) + what all others win or lose - move cost              (nats)

All other radios are where the plan has them. docs/planning.md works one out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.planner.overlap import hit
from agent.planner.site.gains import Gains
from agent.planner.site.plan import Plan
from agent.planner.site.plan_json import from_block
from agent.planner.site.problem import Choice, Option, Problem
from inventory.channels import Block
from inventory.model import RadioKey, ap_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One block. ``own``: own radios in the way there, as contenders that always send. ``mhz``: what the
    radio could expect. ``others``, ``site``: nats that all other radios, and all together less the cost of
    moving, would have more than if the radio stayed. ``move_cost``: nats; 0 where it has no place now."""

    option: Option
    own: float
    mhz: float
    move_cost: float
    others: float
    site: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One radio. ``now`` None: it has no place. ``candidates``: the best for the site first."""

    radio: RadioKey
    weight: float
    now: Block | None
    planned: Block
    candidates: tuple[Weighed, ...]


def explained(problems: tuple[Problem, ...], plan: Plan, ap: str) -> tuple[Explained, ...]:
    """The radios of an AP (``site/ap``) that the plan reckons with."""
    goals = {each.radio: each.after for each in plan.outlook}
    return tuple(
        _radio(problem, _as_planned(problem, goals), index)
        for problem in problems
        for index, member in enumerate(problem.members)
        if ap_of(member.key) == ap
    )


def from_explained(each: Explained) -> dict[str, Any]:
    """As JSON."""
    return {
        "radio": each.radio,
        "weight": each.weight,
        "now": from_block(each.now),
        "planned": from_block(each.planned),
        "candidates": [
            {
                "block": from_block(one.option.block),
                **dict(one.option.terms),
                "foreign": one.option.foreign,
                "own": one.own,
                "mhz": one.mhz,
                "others": one.others,
                "move_cost": one.move_cost,
                "cac_s": one.option.cac_s,
                "site": one.site,
            }
            for one in each.candidates
        ],
    }


def _as_planned(problem: Problem, goals: Mapping[RadioKey, Block | None]) -> Choice:
    found = []
    for member in problem.members:
        blocks = [option.block for option in member.options]
        goal = goals.get(member.key)
        found.append(blocks.index(goal) if goal in blocks else member.now or 0)
    return tuple(found)


def _radio(problem: Problem, choice: Choice, index: int) -> Explained:
    member, gains = problem.members[index], Gains(problem, choice)
    stays = choice[index] if member.now is None else member.now
    base, base_mhz = gains.of(index, stays), _mhz(problem, choice, index, stays)
    found = []
    for at, option in enumerate(member.options):
        mhz = _mhz(problem, choice, index, at)
        won = gains.of(index, at) - base
        mine = member.weight * math.log(mhz / base_mhz)
        cost = 0.0 if member.now in (None, at) else option.move_cost
        own = _own(problem, choice, index, option.block)
        found.append(
            Weighed(option=option, own=own, mhz=mhz, move_cost=cost, others=won - mine, site=won - cost)
        )
    return Explained(
        radio=member.key,
        weight=member.weight,
        now=None if member.now is None else member.options[member.now].block,
        planned=member.options[choice[index]].block,
        candidates=tuple(sorted(found, key=lambda each: (-each.site, each.option.block))),
    )


def _mhz(problem: Problem, choice: Choice, index: int, at: int) -> float:
    option = problem.members[index].options[at]
    return option.mhz(_own(problem, choice, index, option.block))


def _own(problem: Problem, choice: Choice, index: int, block: Block) -> float:
    """Own radios in the way of this one on that block."""
    found = 0.0
    for pair in problem.pairs:
        if index in (pair.a, pair.b):
            other, primary, secondary = (
                (pair.b, pair.primary_ab, pair.secondary_ab)
                if index == pair.a
                else (pair.a, pair.primary_ba, pair.secondary_ba)
            )
            met = hit(block, problem.members[other].options[choice[other]].block)
            found += met.cost(primary, secondary)
    return found
