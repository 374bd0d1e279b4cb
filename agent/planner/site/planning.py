"""The plan of a site: what to change, what it brings, and why. Pure: the time limit is the caller's ``stop``.

view -> means over the scans -> a problem for each band -> channels (search, exact solver) -> powers and
OBSS-PD levels for these channels -> steps -> plan
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agent.planner.guards import in_flight_limit
from agent.planner.pooling import pooled
from agent.planner.site.build import Graph, graph
from agent.planner.site.order import Way, ordered
from agent.planner.site.plan import Plan, PlannedMove, Wishes
from agent.planner.site.power import PowerMove, planned_power, with_powers
from agent.planner.site.problem import Problem, value
from agent.planner.site.solving import Exact, Share, Solution, Stop, proven, solutions
from agent.planner.site.telling import Told, confidence, moves_of, outlook
from agent.view import SiteView


def planned(
    view: SiteView, wishes: Wishes, stop: Stop, *, exact: Exact | None = None, share: Share | None = None
) -> Plan:
    """The last of `plans`: with a bound, if anybody can prove one."""
    *_, last = plans(view, wishes, stop, exact=exact, share=share)
    return last


def plans(
    view: SiteView, wishes: Wishes, stop: Stop, *, exact: Exact | None = None, share: Share | None = None
) -> Iterator[Plan]:
    """A plan of the whole site, or of a zone, without a bound; then the same or a better one with its bound,
    where it is wanted and ``exact`` is there to prove it. The same view, wishes and seed give the same plans
    as long as ``stop`` never says yes. ``share``: stops for the bands' parts of the time; None: all go by
    ``stop``, and the first may take it all. ``seconds`` is 0: the caller has the clock."""
    view = pooled(view)
    built = graph(view, wishes.zone)
    solved = solutions(built.problems, wishes, share or (lambda _: stop))
    yield _plan(view, wishes, built, solved)
    if wishes.exact and exact is not None:
        better, spare = proven(solved, wishes, exact)
        yield _plan(view, wishes, built, better, spare)


def _plan(
    view: SiteView, wishes: Wishes, built: Graph, solved: Sequence[Solution], spare: float | None = None
) -> Plan:
    """``spare``: nats that other channels might bring more at most; None: not known."""
    powers = planned_power(view, built.problems, [each.end for each in solved], wishes)
    changed = _within_budget(powers.moves, solved, wishes.most_moves)
    told = [Told(each, _powered(view, each.problem, changed)) for each in solved]
    now = math.fsum(value(each.problem, each.start) for each in solved)
    then = math.fsum(value(each.then, each.solution.end) for each in told)
    keys = [member.key for each in built.problems for member in each.members]
    return Plan(
        site=view.site.id,
        made_utc_us=view.now.utc_us,
        radios=len(keys),
        value_now=now,
        value_then=then,
        bound=None if spare is None else then + spare,
        confidence=confidence(view, keys),
        moves=_moves(view, told, changed),
        outlook=tuple(each for one in told for each in outlook(one)),
        left=(*built.left, *powers.left),
        gain_ratio=math.expm1((then - now) / len(keys)) if keys else 0.0,
        seconds=0.0,
        wishes=wishes,
        timed_out=any(each.timed_out for each in solved),
    )


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
    ways = [Way(each.solution.problem, each.solution.end) for each in told]
    steps = ordered(ways, view.neighbours_among(found), in_flight_limit(view.site), power_of)
    return tuple(replace(found[key], step=number) for number, step in enumerate(steps) for key in step.radios)
