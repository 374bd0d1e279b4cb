"""The best choice that a local search finds: annealed, then climbed to the top, round after round. Pure: the
same seed and the same problem give the same choice, unless it is stopped before its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from agent.planner.site.annealing import HOTTEST, QUIET, Budget, annealed, colours, cooling
from agent.planner.site.arrays import Arrays, Flags, Floats, Ints, arrays, standing
from agent.planner.site.climbing import Climb
from agent.planner.site.problem import Choice, Problem, moved, objective

ROUNDS: Final = 4
"""Where several copies are annealed side by side; one alone gets a round more."""
FIRST_SWEEPS: Final = 25
"""Of the first round; each further one is twice as long."""
HEATS: Final = (HOTTEST, 0.15, 0.1)
"""Nats at which the rounds begin, the last from there on: the first forgets where it came from, the others
keep ever more of the best that was found."""

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
    they are (None: any number). ``rounds``: work to do, each
    twice the one before; None: so many that more of them hardly find anything. ``stop`` true ends it
    early. ValueError: ``start`` has too many moves itself."""
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
    for temperatures in (np.zeros(QUIET), *_schedules(ROUNDS + (copies == 1) if rounds is None else rounds)):
        state = standing(many, best * copies)
        for option in annealed(many, state, groups, temperatures, random, stop, budget):
            climbed = _climbed(one, option, free, most_moves, stop)
            best = max(best, climbed or best, key=lambda each: objective(problem, each, move_price))
            if stop():
                return best
    return best


def _schedules(rounds: int) -> Iterator[Floats]:
    for nth in range(rounds):
        yield cooling(FIRST_SWEEPS << nth, HEATS[min(nth, len(HEATS) - 1)])


def _climbed(
    table: Arrays, option: Ints, free: Flags, most_moves: int | None, stop: Callable[[], bool]
) -> Choice | None:
    """The top above a choice; None when it was stopped with too many moves."""
    climb = Climb.of(table, option, free, most_moves, stop)
    climb.up()
    return None if climb.room < 0 else tuple(int(each) for each in climb.state.option)
