"""Simulated annealing of a site: everybody chooses again and again among all of its options, the better the
likelier, and ever less often anything but the best. Pure.

All members of a colour choose at once: none of them hears another, so what each weighs is true but for what
they do to a common neighbour. That error is gone where things have become quiet, and what is kept is counted
anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.planner.site.arrays import (
    Arrays,
    Batch,
    Flags,
    Floats,
    Ints,
    Standing,
    batch,
    move,
    prospects,
    totals,
)

HOTTEST: Final = 0.3
"""Nats that a radio often goes without for a while: a quarter of its MHz."""
COLDEST: Final = 0.02
"""Nats at which a site has set; a quarter more of the sweeps settles what is nearly the same, down to"""
SETTLED: Final = 0.003
QUIET: Final = 3
"""Sweeps that take nothing but the best, at the end of each cooling."""

PRICE_STEP: Final = 0.05
"""Nats by which the price of moves is raised or lowered from one sweep to the next, at most."""


def cooling(sweeps: int, hottest: float) -> Floats:
    """Temperatures in nats, falling, the last ones 0."""
    setting, settling = np.geomspace(hottest, COLDEST, sweeps), np.geomspace(COLDEST, SETTLED, sweeps // 4)
    return np.concatenate((setting, settling, np.zeros(QUIET)))


def colours(table: Arrays, free: Flags) -> list[Batch]:
    """The free members in groups of which nobody hears another of its group, those of most ears first; the
    groups are the same in each copy."""
    size = len(table.now) // table.copies
    colour = np.full(size, -1)
    for each in np.argsort(-table.count[:size], kind="stable"):
        if free[each]:
            ears = slice(table.first[each], table.first[each] + table.count[each])
            used = np.unique(colour[table.other[ears]])
            used = used[used >= 0]
            gaps = np.flatnonzero(used != np.arange(len(used)))
            colour[each] = gaps[0] if len(gaps) else len(used)
    shift = size * np.arange(table.copies)[:, None]
    groups = [np.flatnonzero(colour == each) for each in range(int(colour.max(initial=-1)) + 1)]
    return [batch(table, (group + shift).ravel()) for group in groups]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """``most_moves`` of each copy, and the ``price`` in nats that a move bears, by copy: changed in place, it
    rises while there are too many and falls while there is room, so that their number is about right when
    all has cooled down."""

    most_moves: int
    price: Floats


def annealed(
    table: Arrays,
    state: Standing,
    groups: Sequence[Batch],
    temperatures: Floats,
    random: np.random.Generator,
    stop: Callable[[], bool],
    budget: Budget | None = None,
) -> Ints:
    """[copy, member]: the best options that were met; with a budget the last ones, that may be somewhat too
    many moves."""
    size = len(state.option) // table.copies
    found, reached = state.option.reshape(-1, size).copy(), totals(table, state)
    for temperature in temperatures:
        for nth in random.permutation(len(groups)):
            if stop():
                return found
            _choose_again(table, state, groups[nth], temperature, random, budget)
        value = totals(table, state)
        better = value > reached if budget is None else np.ones(len(value), bool)
        found[better] = state.option.reshape(-1, size)[better]
        reached = np.maximum(value, reached)
        if budget is not None:
            _adjust(table, state, budget)
    return found


def _choose_again(
    table: Arrays,
    state: Standing,
    of: Batch,
    temperature: float,
    random: np.random.Generator,
    budget: Budget | None,
) -> None:
    seen = prospects(table, state, of)
    rows, now = np.arange(len(of.members)), table.now[of.members]
    if budget is not None:
        dear = budget.price[of.members * table.copies // len(table.now)]
        seen -= dear[:, None]
        seen[rows, now] += np.where(now >= 0, dear, 0.0)
    if temperature:
        chance = np.cumsum(np.exp((seen - seen.max(axis=1, keepdims=True)) / temperature), axis=1)
        to = (chance < random.random(len(rows))[:, None] * chance[:, -1:]).sum(axis=1)
    else:
        to = seen.argmax(axis=1)
    going = np.flatnonzero(to != state.option[of.members])
    if len(going):
        move(table, state, of.members[going], to[going])


def _adjust(table: Arrays, state: Standing, budget: Budget) -> None:
    away = ((table.now >= 0) & (state.option != table.now)).reshape(table.copies, -1).sum(axis=1)
    over = (away - budget.most_moves) / max(1, budget.most_moves)
    budget.price[:] = np.maximum(0.0, budget.price + np.clip(over, -1.0, 1.0) * PRICE_STEP)
