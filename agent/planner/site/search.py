"""The best choice that a local search finds: annealed, then climbed to the top, round after round. Pure: the
same seed and the same problem give the same choice, unless it is stopped before its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from agent.planner.site.annealing import HOTTEST, QUIET, Budget, annealed, colours, cooling
from agent.planner.site.arrays import Arrays, Flags, Ints, arrays, standing
from agent.planner.site.climbing import Climb
from agent.planner.site.problem import Choice, Problem, moved, objective


class Round(NamedTuple):
    """So many sweeps of cooling, from ``hottest`` nats; ``fresh``: from where the radios are now, else from
    the best that was found."""

    sweeps: int
    hottest: float
    fresh: bool


SMALL: Final = (
    Round(50, HOTTEST, fresh=True),
    Round(100, HOTTEST, fresh=True),
    Round(100, 0.15, fresh=False),
    Round(125, 0.1, fresh=False),
)
"""Of a site that is annealed as many times at once as any."""
LARGE: Final = (
    Round(25, HOTTEST, fresh=True),
    Round(50, HOTTEST, fresh=True),
    Round(100, 0.15, fresh=False),
    Round(200, 0.1, fresh=False),
    Round(400, 0.1, fresh=False),
)
"""Of a larger one: something good is found soon. The last is for one that is annealed alone."""

SIDE_BY_SIDE: Final = 240
"""Radios that are annealed together: a small site is, several times at once."""
MOST_COPIES: Final = 4


def improved(
    problem: Problem,
    start: Choice,
    *,
    most_moves: int | None,
    move_price: float,
    stop: Callable[[], bool],
    seed: int,
    rounds: int | None = None,
) -> Choice:
    """A choice with at least the objective of ``start`` and at most ``most_moves`` members away from where
    they are (None: any number). ``rounds``: so many of the first ones only; None: all, more of them
    hardly find anything. ``stop`` true ends it early. ValueError: ``start`` has too many moves itself."""
    if most_moves is not None and len(moved(problem, start)) > most_moves:
        raise ValueError(f"the start has {len(moved(problem, start))} moves, more than {most_moves}")
    free = np.array([len(each.options) > 1 for each in problem.members])
    if stop() or not free.any():
        return start
    copies = max(1, min(MOST_COPIES, SIDE_BY_SIDE // len(start)))
    one, many = (arrays(problem, move_price=move_price, copies=each) for each in (1, copies))
    groups, random = colours(many, free), np.random.default_rng(seed)
    budget = None if most_moves is None else Budget(most_moves=most_moves, price=np.zeros(copies))
    best = start
    for nth in (None, *_rounds(copies)[:rounds]):
        state = standing(many, (start if nth is None or nth.fresh else best) * copies)
        temperatures = np.zeros(QUIET) if nth is None else cooling(nth.sweeps, nth.hottest)
        for option in annealed(many, state, groups, temperatures, random, stop, budget):
            climbed = _climbed(one, option, free, most_moves, stop)
            best = max(best, climbed or best, key=lambda each: objective(problem, each, move_price))
            if stop():
                return best
    return best


def _rounds(copies: int) -> Sequence[Round]:
    if copies == MOST_COPIES:
        return SMALL
    return LARGE if copies == 1 else LARGE[:-1]


def _climbed(
    table: Arrays, option: Ints, free: Flags, most_moves: int | None, stop: Callable[[], bool]
) -> Choice | None:
    """The top above a choice; None when it was stopped with too many moves."""
    climb = Climb.of(table, option, free, most_moves, stop)
    climb.up()
    return None if climb.room < 0 else tuple(int(each) for each in climb.state.option)
