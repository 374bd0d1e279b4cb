"""The plan of a site: what to change, what it brings, and why. Pure: the time limit is the caller's ``stop``.

view -> a problem for each band -> local search from where the radios are -> moves that do not pay by
themselves dropped -> plan
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Protocol

from agent.planner import legal
from agent.planner.site.build import graph
from agent.planner.site.gains import Gains, kept
from agent.planner.site.plan import Outlook, Plan, PlannedMove, Wishes
from agent.planner.site.problem import Choice, Problem, contention, values
from agent.planner.site.reasons import Stand, reasons
from agent.view import RadioView, SiteView, center_of

Stop = Callable[[], bool]

UNMEASURED: Final = 0.7
"""What a radio knows that hears whom there is, and not how much they send."""


class Search(Protocol):
    """A better choice than ``start``, of at most ``most_moves`` (None: any number), each of which must bring
    ``move_price`` nats."""

    def __call__(
        self,
        problem: Problem,
        start: Choice,
        *,
        most_moves: int | None,
        move_price: float,
        stop: Stop,
        seed: int,
    ) -> Choice: ...


Bound = Callable[[Problem, Choice], float | None]
"""No choice with so many moves has a higher value, given the best one found; None: not proven."""


def not_proven(_problem: Problem, _choice: Choice) -> float | None:
    """For when nobody asked for a proof."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solved:
    """One band: where the radios start from, where they end, what each move brings."""

    problem: Problem
    start: Choice
    end: Choice
    moves: dict[int, float]
    bound: float | None


def planned(view: SiteView, wishes: Wishes, stop: Stop, *, search: Search, bound: Bound = not_proven) -> Plan:
    """A plan of the whole site, or of a zone. The same view, wishes and seed give the same plan as long as
    ``stop`` never says yes. ``search`` and ``bound``: who solves a band, and who proves how well."""
    built = graph(view, wishes.zone)
    solved = _within_budget([_solve(each, wishes, stop, search) for each in built.problems], wishes)
    proven = [_proven(each, bound) for each in solved] if wishes.exact else solved
    now = [sum(values(each.problem, each.start)) for each in proven]
    then = [sum(values(each.problem, each.end)) for each in proven]
    radios = sum(len(each.problem.members) for each in proven)
    bounds = [each.bound for each in proven if each.bound is not None]
    won = math.fsum(then) - math.fsum(now)
    return Plan(
        site=view.site.id,
        made_utc_us=view.now.utc_us,
        radios=radios,
        value_now=math.fsum(now),
        value_then=math.fsum(then),
        bound=math.fsum(bounds) if bounds and len(bounds) == len(proven) else None,
        confidence=_confidence(view, proven),
        moves=tuple(_moves(view, proven)),
        outlook=tuple(each for one in proven for each in _outlook(one)),
        left=built.left,
        gain_ratio=math.expm1(won / radios) if radios else 0.0,
        seconds=0.0,
        wishes=wishes,
    )


# -- one band ----------------------------------------------------------------------------------------------


def _solve(problem: Problem, wishes: Wishes, stop: Stop, search: Search) -> _Solved:
    least = math.log1p(wishes.least_gain)
    start = _start(problem)
    found = search(
        problem, start, most_moves=wishes.most_moves, move_price=least, stop=stop, seed=wishes.seed
    )
    end, moves = kept(problem, found, least, wishes.most_moves)
    return _Solved(problem=problem, start=start, end=end, moves=moves, bound=None)


def _start(problem: Problem) -> Choice:
    """Where the radios are; those without a place each on the best one that is left, in their order."""
    homeless = [index for index, member in enumerate(problem.members) if member.now is None]
    gains = Gains(problem, tuple(member.now or 0 for member in problem.members))
    for index in homeless:
        options = range(len(problem.members[index].options))
        gains.put(index, max(options, key=lambda option, index=index: (gains.of(index, option), -option)))  # type: ignore[misc]
    return gains.choice


def _within_budget(solved: Sequence[_Solved], wishes: Wishes) -> list[_Solved]:
    """Bands share the number of moves: those that bring least are dropped until so many are left."""
    most = wishes.most_moves
    over = sum(len(each.moves) for each in solved) - most if most is not None else 0
    if over <= 0:
        return list(solved)
    ranked = sorted(
        (gain, at, member) for at, each in enumerate(solved) for member, gain in each.moves.items()
    )
    dropped = [at for _, at, _ in ranked[:over]]
    least = math.log1p(wishes.least_gain)
    return [_fewer(each, len(each.moves) - dropped.count(at), least) for at, each in enumerate(solved)]


def _fewer(solved: _Solved, most: int, least: float) -> _Solved:
    end, moves = kept(solved.problem, solved.end, least, most)
    return replace(solved, end=end, moves=moves)


def _proven(solved: _Solved, bound: Bound) -> _Solved:
    return replace(solved, bound=bound(solved.problem, solved.end))


# -- what is said of it ------------------------------------------------------------------------------------


def _moves(view: SiteView, solved: Iterable[_Solved]) -> list[PlannedMove]:
    """Those who have no place first, then by what each brings: every move a step of its own."""
    found = sorted((each for one in solved for each in _moves_of(view, one)), key=_first)
    return [replace(move, step=step) for step, move in enumerate(found)]


def _first(move: PlannedMove) -> tuple[bool, float, str]:
    return ("no_place_now" not in move.reasons, -move.gain, move.radio)


def _moves_of(view: SiteView, solved: _Solved) -> list[PlannedMove]:
    homeless = [index for index, member in enumerate(solved.problem.members) if member.now is None]
    before, after = _stands(solved.problem, solved.start), _stands(solved.problem, solved.end)
    return [
        _move(view, solved, index, None if index in homeless else before[index], after[index])
        for index in sorted([*solved.moves, *homeless])
    ]


def _move(view: SiteView, solved: _Solved, index: int, before: Stand | None, after: Stand) -> PlannedMove:
    member = solved.problem.members[index]
    at = view.radios[member.key]
    block = after.option.block
    return PlannedMove(
        radio=member.key,
        step=0,
        target=legal.moved_to(view, at, block),
        before=at.block,
        after=block,
        mhz_before=_mhz(before) if before else 0.0,
        mhz_after=_mhz(after),
        gain=solved.moves.get(index, 0.0),
        cac_s=after.option.cac_s,
        reasons=reasons(before, after),
    )


def _stands(problem: Problem, choice: Choice) -> list[Stand]:
    own = contention(problem, choice)
    return [
        Stand(member.options[at], each) for member, at, each in zip(problem.members, choice, own, strict=True)
    ]


def _mhz(stand: Stand) -> float:
    return math.exp(stand.option.worth) / (1.0 + stand.option.foreign + stand.own)


def _outlook(solved: _Solved) -> list[Outlook]:
    before, after = _stands(solved.problem, solved.start), _stands(solved.problem, solved.end)
    return [
        Outlook(
            radio=member.key,
            before=None if member.now is None else was.option.block,
            after=then.option.block,
            mhz_before=0.0 if member.now is None else _mhz(was),
            mhz_after=_mhz(then),
        )
        for member, was, then in zip(solved.problem.members, before, after, strict=True)
    ]


def _confidence(view: SiteView, solved: Iterable[_Solved]) -> float:
    """Mean over the radios: whom they hear, by its age within `neighbour_age_s`; less where the air of the
    channel in use was not measured, for then loads are assumed."""
    radios = [view.radios[member.key] for each in solved for member in each.problem.members]
    return fmean(_known(view, at) for at in radios) if radios else 0.0


def _known(view: SiteView, at: RadioView) -> float:
    limit_s = view.site.policy.neighbour_age_s
    age_s = at.scanned_age_s
    if age_s is None:
        age_s = min((each.age_s for each in at.heard(limit_s)), default=limit_s)
    fresh = max(0.0, 1.0 - age_s / limit_s)
    block = at.block
    mhz = center_of(at.radio.band, block.primary) if block else 0
    return fresh * (1.0 if at.measured(mhz, limit_s) else UNMEASURED)
