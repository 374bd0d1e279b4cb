"""Simulated annealing of a site: everybody chooses again and again among all of its options, the better the
likelier, and ever less often anything but the best. Pure.

All members of a colour choose at once: none of them hears another, so what each weighs is true but for what
they do to a common neighbour. That error is gone where things have become quiet, and what is kept is counted
anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
"""Nats that a radio loses now and then: with a quarter of its MHz it still is not stuck where it is."""
COLDEST: Final = 0.004

PRICE_STEP: Final = 0.05
"""Nats by which the price of moves is raised or lowered from one sweep to the next, at most."""


def cooling(sweeps: int, hottest: float = HOTTEST) -> Floats:
    """Temperatures in nats, falling; the last sweeps take nothing but the best."""
    return np.concatenate((np.geomspace(hottest, COLDEST, sweeps), np.zeros(2)))


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


def annealed(
    table: Arrays,
    state: Standing,
    groups: Sequence[Batch],
    temperatures: Floats,
    random: np.random.Generator,
    stop: Callable[[], bool],
    most_moves: int | None = None,
) -> Ints:
    """The best option of each member that was met, [copy, member]; with ``most_moves`` the last one: moves
    bear a price that rises while there are too many and falls while there is room, so that their number is
    about right at last."""
    size = len(state.option) // table.copies
    price = np.zeros(table.copies)
    found, reached = state.option.reshape(-1, size).copy(), totals(table, state)
    for temperature in temperatures:
        for nth in random.permutation(len(groups)):
            if stop():
                return found
            _choose_again(table, state, groups[nth], temperature, price, random)
        if most_moves is None:
            value = totals(table, state)
            better = value > reached
        else:
            price = _priced(table, state, price, most_moves)
            better = np.ones(table.copies, bool)
        found[better] = state.option.reshape(-1, size)[better]
        reached = np.maximum(reached, value) if most_moves is None else reached
    return found


def _choose_again(
    table: Arrays, state: Standing, of: Batch, temperature: float, price: Floats, random: np.random.Generator
) -> None:
    seen = prospects(table, state, of)
    rows, now = np.arange(len(of.members)), table.now[of.members]
    if price.any():
        dear = price[of.members * table.copies // len(table.now)]
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


def _priced(table: Arrays, state: Standing, price: Floats, most_moves: int) -> Floats:
    away = ((table.now >= 0) & (state.option != table.now)).reshape(table.copies, -1).sum(axis=1)
    step = np.clip((away - most_moves) / max(1, most_moves), -1.0, 1.0) * PRICE_STEP
    return np.asarray(np.maximum(0.0, price + step))
