"""The plan of a site: what to change, what it brings, and why. Pure: the time limit is the caller's ``stop``.

view -> a problem for each band -> local search from where the radios are -> moves that do not pay by
themselves dropped -> plan
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Final, Protocol

from agent.planner import legal
from agent.planner.guards import in_flight_limit
from agent.planner.site.build import graph
from agent.planner.site.exact import Solved
from agent.planner.site.gains import Gains, kept
from agent.planner.site.order import Way, ordered
from agent.planner.site.plan import Outlook, Plan, PlannedMove, Wishes
from agent.planner.site.problem import Choice, Problem, contention, objective, value
from agent.planner.site.reasons import Stand, reasons
from agent.planner.site.search import improved
from agent.view import RadioView, SiteView, center_of

Stop = Callable[[], bool]

UNMEASURED: Final = 0.7
"""What a radio knows that hears whom there is, and not how much they send."""


class Exact(Protocol):
    """The best choice with so many moves at most, as far as it gets, and what none exceeds
    (`agent.planner.site.exact.solved`)."""

    def __call__(
        self, problem: Problem, start: Choice, *, most_moves: int | None, move_price: float
    ) -> Solved: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Band:
    """One band: where the radios start from, where they end, what each move brings, and how much better a
    plan might be at most (nats; None: not known)."""

    problem: Problem
    start: Choice
    end: Choice
    moves: Mapping[int, float] = field(default_factory=dict)
    spare: float | None = None


def planned(view: SiteView, wishes: Wishes, stop: Stop, *, exact: Exact | None = None) -> Plan:
    """A plan of the whole site, or of a zone. The same view, wishes and seed give the same plan as long as
    ``stop`` never says yes. ``exact``: who proves how good it is; None: nobody. ``seconds`` is 0: the caller
    has the clock."""
    built = graph(view, wishes.zone)
    done = _within_budget([_improved(each, wishes, stop) for each in built.problems], wishes, stop)
    if exact is not None and wishes.exact:
        done = [_proven(each, wishes, exact) for each in done]
    now = math.fsum(value(each.problem, each.start) for each in done)
    then = math.fsum(value(each.problem, each.end) for each in done)
    radios = sum(len(each.problem.members) for each in done)
    return Plan(
        site=view.site.id,
        made_utc_us=view.now.utc_us,
        radios=radios,
        value_now=now,
        value_then=then,
        bound=_bound(done, then),
        confidence=_confidence(view, done),
        moves=_moves(view, done),
        outlook=tuple(each for one in done for each in _outlook(one)),
        left=built.left,
        gain_ratio=math.expm1((then - now) / radios) if radios else 0.0,
        seconds=0.0,
        wishes=wishes,
    )


# -- one band ----------------------------------------------------------------------------------------------


def _improved(problem: Problem, wishes: Wishes, stop: Stop) -> _Band:
    start = _start(problem)
    return _searched(_Band(problem=problem, start=start, end=start), wishes, wishes.most_moves, stop)


def _searched(band: _Band, wishes: Wishes, most: int | None, stop: Stop) -> _Band:
    """The best that the search finds with so many moves."""
    least = math.log1p(wishes.least_gain)
    found = improved(band.problem, band.start, most_moves=most, move_price=least, stop=stop, seed=wishes.seed)
    return _paid(band, found, least, most)


def _paid(band: _Band, found: Choice, least: float, most: int | None) -> _Band:
    """Without the moves that do not pay by themselves."""
    end, moves = kept(band.problem, found, least, most)
    return replace(band, end=end, moves=moves)


def _start(problem: Problem) -> Choice:
    """Where the radios are; those without a place each on the best one that is left, in their order."""
    gains = Gains(problem, tuple(member.now or 0 for member in problem.members))
    for index, member in enumerate(problem.members):
        if member.now is None:
            worth = [gains.of(index, option) for option in range(len(member.options))]
            gains.put(index, worth.index(max(worth)))
    return gains.choice


def _within_budget(bands: Sequence[_Band], wishes: Wishes, stop: Stop) -> list[_Band]:
    """Bands share the number of moves: those that bring least are counted out, and where some were, the
    search makes the best of the rest."""
    most = wishes.most_moves
    over = 0 if most is None else sum(len(each.moves) for each in bands) - most
    if over <= 0:
        return list(bands)
    ranked = sorted(
        (gain, at, member) for at, each in enumerate(bands) for member, gain in each.moves.items()
    )
    dropped = Counter(at for _, at, _ in ranked[:over])
    least = math.log1p(wishes.least_gain)
    found = []
    for at, band in enumerate(bands):
        left = len(band.moves) - dropped[at]
        fewer = _paid(band, band.end, least, left)
        again = _searched(band, wishes, left, stop) if dropped[at] else fewer
        found.append(max(fewer, again, key=lambda each: objective(each.problem, each.end, least)))
    return found


def _proven(band: _Band, wishes: Wishes, exact: Exact) -> _Band:
    """With the exact solver's choice where that is better, and how much is left between it and the bound."""
    least = math.log1p(wishes.least_gain)
    most = None if wishes.most_moves is None else len(band.moves)
    found = exact(band.problem, band.end, most_moves=most, move_price=least)
    better = _paid(band, found.choice, least, most)
    reached = objective(band.problem, better.end, least)
    if reached < objective(band.problem, band.end, least):
        better, reached = band, objective(band.problem, band.end, least)
    return replace(better, spare=None if found.bound is None else max(0.0, found.bound - reached))


def _bound(bands: Sequence[_Band], then: float) -> float | None:
    """What nobody exceeds with so many moves and what each must bring; None where one band has no proof."""
    spare = [each.spare for each in bands]
    return None if None in spare or not spare else then + math.fsum(each or 0.0 for each in spare)


# -- what is said of it ------------------------------------------------------------------------------------


def _moves(view: SiteView, bands: Sequence[_Band]) -> tuple[PlannedMove, ...]:
    """Each with its step, in the order in which they are made."""
    found = {move.radio: move for band in bands for move in _moves_of(view, band)}
    near = view.neighbours_among(found)
    steps = ordered([Way(each.problem, each.end) for each in bands], near, in_flight_limit(view.site))
    return tuple(replace(found[key], step=number) for number, step in enumerate(steps) for key in step.radios)


def _moves_of(view: SiteView, band: _Band) -> list[PlannedMove]:
    homeless = [index for index, member in enumerate(band.problem.members) if member.now is None]
    before, after = _stands(band.problem, band.start), _stands(band.problem, band.end)
    return [
        _move(view, band, index, None if index in homeless else before[index], after[index])
        for index in sorted([*band.moves, *homeless])
    ]


def _move(view: SiteView, band: _Band, index: int, before: Stand | None, after: Stand) -> PlannedMove:
    member = band.problem.members[index]
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
        gain=band.moves.get(index, 0.0),
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


def _outlook(band: _Band) -> list[Outlook]:
    before, after = _stands(band.problem, band.start), _stands(band.problem, band.end)
    return [
        Outlook(
            radio=member.key,
            before=None if member.now is None else was.option.block,
            after=then.option.block,
            mhz_before=0.0 if member.now is None else _mhz(was),
            mhz_after=_mhz(then),
        )
        for member, was, then in zip(band.problem.members, before, after, strict=True)
    ]


def _confidence(view: SiteView, bands: Iterable[_Band]) -> float:
    """Mean over the radios: whom they hear, by its age within `neighbour_age_s`; less where the air of the
    channel in use was not measured, for then loads are assumed."""
    radios = [view.radios[member.key] for each in bands for member in each.problem.members]
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
