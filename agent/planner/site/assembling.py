"""A plan put together from where the radios of each band shall be: powers, steps, values, outlook. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from agent.planner.guards import in_flight_limit
from agent.planner.site.build import Graph
from agent.planner.site.order import Way, ordered, standing
from agent.planner.site.plan import Plan, PlannedMove, Proof, Wishes
from agent.planner.site.power import PowerMove, planned_power, with_powers
from agent.planner.site.problem import Problem, objective
from agent.planner.site.solution import Solution
from agent.planner.site.telling import Told, confidence, doubts, moves_of, outlook, sending, worth
from agent.view import SiteView


def assembled(
    view: SiteView, wishes: Wishes, built: Graph, solved: Sequence[Solution], spare: float | None = None
) -> Plan:
    """The plan of bands that are solved, with the powers and OBSS-PD levels that are wished for. ``spare``:
    nats that other channels might bring more at most; None: not known. ``seconds`` is 0: the caller has the
    clock."""
    powers = planned_power(view, built.problems, [each.end for each in solved], wishes)
    changed = _within_budget(powers.moves, solved, wishes.most_moves)
    told = [Told(each, _powered(view, each.problem, changed), sending(view, each.problem)) for each in solved]
    keys = [member.key for each in built.problems for member in each.members]
    now, then, placed = worth(told)
    alike = placed == len(keys) and not changed
    return Plan(
        site=view.site.id,
        made_utc_us=view.now.utc_us,
        radios=placed,
        unplaced=len(keys) - placed,
        value_now=now,
        value_then=then,
        bound=then + spare if spare is not None and alike else None,
        proof=None if spare is None else _proof(wishes, solved, spare),
        confidence=confidence(view, keys),
        doubts=doubts(view, keys),
        moves=_moves(view, told, changed),
        outlook=tuple(each for one in told for each in outlook(one)),
        left=(*built.left, *powers.left),
        gain_ratio=math.expm1((then - now) / placed) if placed else 0.0,
        seconds=0.0,
        wishes=wishes,
        timed_out=any(each.timed_out for each in solved),
    )


def _proof(wishes: Wishes, solved: Sequence[Solution], spare: float) -> Proof:
    least = math.log1p(wishes.least_gain)
    reached = math.fsum(objective(each.problem, each.end, least) for each in solved)
    radios = sum(len(each.problem.members) for each in solved)
    return Proof(radios=radios, value=reached, bound=reached + spare)


def _within_budget(
    powers: Sequence[PowerMove], solved: Sequence[Solution], most: int | None
) -> list[PowerMove]:
    """Changes of power count as moves, except on radios that move anyway."""
    if most is None:
        return list(powers)
    going = {each.problem.members[index].key for each in solved for index in each.moves}
    others = [each.radio for each in powers if each.radio not in going]
    paid = going | set(others[: max(0, most - len(going))])
    return [each for each in powers if each.radio in paid]


def _powered(view: SiteView, problem: Problem, changed: Sequence[PowerMove]) -> Problem:
    """The band at the powers planned."""
    radios = {member.key for member in problem.members}
    own = [each for each in changed if each.radio in radios]
    return with_powers(view, problem, own) if own else problem


def _moves(view: SiteView, told: Sequence[Told], powers: Sequence[PowerMove]) -> tuple[PlannedMove, ...]:
    """Each with its step, in the order in which they are made."""
    power_of = {each.radio: each for each in powers}
    found = {move.radio: move for band in told for move in moves_of(view, band, power_of)}
    ways = [Way(standing(each.solution.problem, each.now), each.solution.end) for each in told]
    steps = ordered(ways, view.neighbours_among(found), in_flight_limit(view.site), power_of)
    return tuple(replace(found[key], step=number) for number, step in enumerate(steps) for key in step.radios)
