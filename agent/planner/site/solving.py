"""Each band of a site solved: by search, with a budget of moves for all of them, and proven where that is
wanted. Pure: the time limit is the caller's ``stop``, or its ``share`` of the time for each band.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations, product
from typing import Final, NamedTuple, Protocol

from agent.planner.site.exact import Solved
from agent.planner.site.gains import kept
from agent.planner.site.plan import Wishes
from agent.planner.site.problem import Choice, Problem, objective
from agent.planner.site.search import improved
from agent.planner.site.solution import Solution, start

FEW: Final = 6
"""With so many moves for all bands, all ways to share them are looked at."""

ANY_BAND: Final = 1000
"""A search goes its rounds however small the band is: they take as long as so many options to weigh."""

HANDS: Final = 4
"""Of the time that is left, what is spent on a band with a move more or fewer."""

NOTHING: Final = 1e-9

Stop = Callable[[], bool]

Share = Callable[[float], Stop]
"""A stop for so large a part (0..1) of the time that is left, from now on."""


class Exact(Protocol):
    """The best choice with so many moves at most, as far as it gets, and what none exceeds
    (`agent.planner.site.exact.solved`)."""

    def __call__(
        self, problem: Problem, start: Choice, *, most_moves: int | None, move_price: float
    ) -> Solved: ...


def solutions(problems: Sequence[Problem], wishes: Wishes, share: Share) -> list[Solution]:
    """The bands, in the order of the problems, as good as the search gets them."""
    parts = _parts(problems, twice=wishes.most_moves is not None and len(problems) > 1)
    found = [_from_now(each, wishes, share(part)) for each, part in zip(problems, parts, strict=True)]
    return _within_budget(found, wishes, share)


def _parts(problems: Sequence[Problem], *, twice: bool = False) -> list[float]:
    """For each band its part of the time that is left when its turn comes, by how much there is to weigh in
    it and in those after it. ``twice``: all of them may be searched once more."""
    sizes = [
        ANY_BAND + sum(len(member.options) for member in each.members) + 2 * len(each.pairs)
        for each in problems
    ]
    again = sum(sizes) if twice else 0
    return [size / (sum(sizes[at:]) + again) for at, size in enumerate(sizes)]


def _from_now(problem: Problem, wishes: Wishes, stop: Stop) -> Solution:
    begin = start(problem)
    return _searched(Solution(problem=problem, start=begin, end=begin), wishes, wishes.most_moves, stop)


def _searched(band: Solution, wishes: Wishes, most: int | None, stop: Stop) -> Solution:
    """The best that the search finds with so many moves."""
    least = math.log1p(wishes.least_gain)
    found = improved(band.problem, band.start, most_moves=most, move_price=least, stop=stop, seed=wishes.seed)
    return _paid(replace(band, timed_out=band.timed_out or stop()), found, least, most)


def _paid(band: Solution, found: Choice, least: float, most: int | None) -> Solution:
    """Without the moves that do not pay by themselves."""
    end, moves = kept(band.problem, found, least, most)
    return replace(band, end=end, moves=moves)


def _within_budget(bands: Sequence[Solution], wishes: Wishes, share: Share) -> list[Solution]:
    """Bands share the number of moves: those that bring least are counted out, and where some were, the
    search makes the best of the rest; then bands hand moves to each other as long as that pays."""
    most = wishes.most_moves
    over = 0 if most is None else sum(len(each.moves) for each in bands) - most
    if over <= 0:
        return list(bands)
    ranked = sorted(
        (gain, at, member) for at, each in enumerate(bands) for member, gain in each.moves.items()
    )
    dropped = Counter(at for _, at, _ in ranked[:over])
    again = sorted(dropped)
    parts = dict(zip(again, _parts([bands[at].problem for at in again]), strict=True))
    shared = [
        _limited(band, len(band.moves) - dropped[at], wishes, share(parts[at])) if at in parts else band
        for at, band in enumerate(bands)
    ]
    return _handed_on(shared, wishes, share)


def _limited(band: Solution, most: int, wishes: Wishes, stop: Stop) -> Solution:
    """With so many moves at most, from what is known of it with others."""
    least = math.log1p(wishes.least_gain)
    found = (_paid(band, band.end, least, most), _searched(band, wishes, most, stop))
    return max(found, key=lambda each: objective(each.problem, each.end, least))


def _handed_on(bands: list[Solution], wishes: Wishes, share: Share) -> list[Solution]:
    """One band with a move more and another with one fewer, as long as both together gain by it and there is
    time: what a move brings is not what the band loses without it, since the others are placed anew."""
    least, known = math.log1p(wishes.least_gain), dict[tuple[int, int], Solution]()

    def reached(band: Solution) -> float:
        return objective(band.problem, band.end, least)

    def with_moves(at: int, most: int) -> Solution:
        if (at, most) not in known:
            known[at, most] = _limited(bands[at], most, wishes, share(1 / HANDS))
        return known[at, most]

    while not share(1.0)():
        takes = {at: with_moves(at, len(band.moves) + 1) for at, band in enumerate(bands)}
        gives = {at: with_moves(at, len(band.moves) - 1) for at, band in enumerate(bands) if band.moves}
        ways = [(more, fewer) for more, fewer in permutations(takes, 2) if fewer in gives]
        gain, more, fewer = max(
            (
                (reached(takes[a]) + reached(gives[b]) - reached(bands[a]) - reached(bands[b]), a, b)
                for a, b in ways
            ),
            default=(0.0, 0, 0),
        )
        if gain <= NOTHING:
            break
        bands[more], bands[fewer] = takes[more], gives[fewer]
    return bands


# -- proven ------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One band with ``most`` moves or fewer (None: as many as pay): the best known, its objective, and what
    none with so many exceeds (infinity: not known)."""

    most: int | None
    band: Solution
    reached: float
    bound: float


def proven(bands: Sequence[Solution], wishes: Wishes, exact: Exact) -> tuple[list[Solution], float | None]:
    """The bands with the exact solver's choices where those are better; and how much better a plan might be
    at most, all bands together (nats; None: not known), however they share the moves."""
    whole = [_row(band, wishes.most_moves, wishes, exact) for band in bands]
    if wishes.most_moves is None or sum(len(each.band.moves) for each in whole) <= wishes.most_moves:
        rows, spare = tuple(whole), math.fsum(each.bound - each.reached for each in whole)
    else:
        steps = [_steps(band, row, wishes, exact) for band, row in zip(bands, whole, strict=True)]
        rows, spare = _best_split(steps, wishes.most_moves)
    return [each.band for each in rows], None if math.isinf(spare) else max(0.0, spare)


def _steps(band: Solution, whole: Row, wishes: Wishes, exact: Exact) -> list[Row]:
    """The band with fewer moves and with more: with any number where the budget is small, else with as many
    as it has now and one more or less; the whole budget comes last."""
    most, has = wishes.most_moves or 0, len(band.moves)
    some = range(most) if most <= FEW else [each for each in (has - 1, has, has + 1) if 0 <= each < most]
    return [*(_row(band, each, wishes, exact) for each in some), whole]


def _row(band: Solution, most: int | None, wishes: Wishes, exact: Exact) -> Row:
    least = math.log1p(wishes.least_gain)
    known = _paid(band, band.end, least, most)
    found = exact(band.problem, known.end, most_moves=most, move_price=least)
    choices = (known, _paid(band, found.choice, least, most))
    best = max(choices, key=lambda each: objective(each.problem, each.end, least))
    reached = objective(best.problem, best.end, least)
    return Row(most, best, reached, math.inf if found.bound is None else max(found.bound, reached))


def _best_split(steps: Sequence[Sequence[Row]], most: int) -> tuple[tuple[Row, ...], float]:
    """A row for each band, with ``most`` moves at most all together: the best that are known; and how much
    more any split reaches at most."""
    best = max(
        (rows for rows in product(*steps) if sum(len(each.band.moves) for each in rows) <= most),
        key=lambda rows: math.fsum(each.reached for each in rows),
    )
    bound = max(
        math.fsum(bound for _, bound in split)
        for split in product(*map(_ceilings, steps))
        if sum(least for least, _ in split) <= most
    )
    return best, bound - math.fsum(each.reached for each in best)


def _ceilings(rows: Sequence[Row]) -> list[tuple[int, float]]:
    """For each row the fewest moves that it and none before it is the bound of, and that bound."""
    fewest = [0, *((each.most or 0) + 1 for each in rows[:-1])]
    return [(few, min(row.bound for row in rows[at:])) for at, few in enumerate(fewest)]
