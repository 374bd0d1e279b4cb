"""The best choice that a local search finds. Pure: the same seed and the same problem give the same choice,
unless it is stopped before its end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agent.planner.site.arrays import Arrays, Flags, Ints, Standing, arrays, batch, move, prospects, standing
from agent.planner.site.problem import Choice, Problem, moved, objective

LEAST = 1e-9
"""Nats under which a gain is rounding."""

TOGETHER = 64
"""Members that are weighed in one go."""


def improved(
    problem: Problem,
    start: Choice,
    *,
    most_moves: int | None,
    move_price: float,
    stop: Callable[[], bool],
    seed: int,
    fixed: frozenset[int] = frozenset(),
    rounds: int | None = None,
) -> Choice:
    """A choice with at least the objective of ``start`` and at most ``most_moves`` members away from where
    they are (None: any number). ``fixed`` members stay where ``start`` has them. ``rounds``: work to do,
    None: by the size of the site. ``stop`` true ends it early. ValueError: ``start`` has too many
    moves itself."""
    if most_moves is not None and len(moved(problem, start)) > most_moves:
        raise ValueError(f"the start has {len(moved(problem, start))} moves, more than {most_moves}")
    table = arrays(problem, move_price=move_price)
    free = np.array(
        [len(member.options) > 1 and index not in fixed for index, member in enumerate(problem.members)]
    )
    state = standing(table, start)
    climb(table, state, free, most_moves, stop)
    found = tuple(int(each) for each in state.option)
    better = objective(problem, found, move_price) > objective(problem, start, move_price)
    return found if better else start


def climb(
    table: Arrays, state: Standing, free: Flags, most_moves: int | None, stop: Callable[[], bool]
) -> None:
    """Single moves, the best first, until none is left that pays."""
    gain, to = np.zeros(len(state.option)), state.option.copy()
    stale = np.flatnonzero(free)
    while not stop():
        for part in np.array_split(stale, -(-len(stale) // TOGETHER) or 1):
            if stop():
                return
            _weigh(table, state, part, gain, to, closed=_spent(table, state, most_moves))
        going = _apart(table, gain, one=most_moves is not None)
        if not len(going):
            return
        move(table, state, going, to[going])
        gain[going] = 0.0
        near = _touched(table, going)
        stale = np.flatnonzero(free & near) if most_moves is None else np.flatnonzero(free)


def _spent(table: Arrays, state: Standing, most_moves: int | None) -> bool:
    away = (table.now >= 0) & (state.option != table.now)
    return most_moves is not None and int(away.sum()) >= most_moves


def _weigh(table: Arrays, state: Standing, members: Ints, gain: np.ndarray, to: Ints, closed: bool) -> None:
    """Best gain of each member and where it has it. ``closed``: nobody else may leave its place."""
    if not len(members):
        return
    seen = prospects(table, state, batch(table, members))
    rows, here = np.arange(len(members)), state.option[members]
    best = np.argmax(seen, axis=1)
    found = seen[rows, best] - seen[rows, here]
    if closed:
        found[here == table.now[members]] = 0.0
    gain[members], to[members] = found, best


def _apart(table: Arrays, gain: np.ndarray, one: bool) -> Ints:
    """Members with a gain, the best first, whose gains do not touch each other."""
    order = np.argsort(-gain, kind="stable")
    taken, found = np.zeros(len(gain), bool), []
    for each in order[: int((gain > LEAST).sum())]:
        ears = table.other[table.first[each] : table.first[each] + table.count[each]]
        if not taken[each] and not taken[ears].any():
            taken[each] = True
            taken[ears] = True
            found.append(each)
            if one:
                break
    return np.array(found, np.intp)


def _touched(table: Arrays, members: Ints) -> Flags:
    """Those whose gains change when these move: they, their neighbours and theirs."""
    near = np.zeros(len(table.now), bool)
    near[members] = True
    for _ in range(2):
        near[batch(table, np.flatnonzero(near)).other] = True
    return near
