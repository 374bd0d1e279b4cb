"""A problem as arrays, without the pairs that can't hurt and the options that can't pay. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.planner.overlap import hit
from agent.planner.site.problem import Member, Problem
from inventory.channels import Block

Losses = dict[tuple[int, int], NDArray[np.float64]]
"""(who, by whom) -> by own option (row) and the other's (column): what the one adds to the other's
contention. Pairs in which nobody can lose anything are absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """``kept``: for each member the options that are left, by their index in the problem, rising. ``losses``:
    of those alone."""

    kept: tuple[tuple[int, ...], ...]
    losses: Losses


def reduced(problem: Problem, move_price: float, *, free_moves: bool) -> Reduced:
    """The same problem without options that another option of the same radio is never worse than, for itself
    and for all who hear it. ``free_moves``: moves are not limited; where they are, an option that is no move
    gives way to none that is."""
    losses = losses_of(problem)
    touching: list[list[int]] = [[] for _ in problem.members]
    for who, by in losses:
        touching[who].append(by)
    kept = [np.arange(len(member.options)) for member in problem.members]
    again = True
    while again:
        again = False
        for index, member in enumerate(problem.members):
            hurt = [(losses[index, by], losses[by, index].T) for by in touching[index]]
            views = [
                side[np.ix_(kept[index], kept[by])]
                for by, sides in zip(touching[index], hurt, strict=True)
                for side in sides
            ]
            left = _undominated(member, kept[index], views, move_price, free_moves)
            again |= len(left) < len(kept[index])
            kept[index] = left
    small = {(a, b): loss[np.ix_(kept[a], kept[b])] for (a, b), loss in losses.items()}
    hurting = {(a, b): loss for (a, b), loss in small.items() if loss.any() or small[b, a].any()}
    return Reduced(kept=tuple(tuple(map(int, each)) for each in kept), losses=hurting)


def losses_of(problem: Problem) -> Losses:
    """What every pair of radios can lose to each other."""
    blocks = sorted({option.block for member in problem.members for option in member.options})
    at = {block: index for index, block in enumerate(blocks)}
    primary, secondary = _hits(blocks)
    rows = [np.array([at[option.block] for option in member.options]) for member in problem.members]
    found: Losses = {}
    for pair in problem.pairs:
        a, b = np.ix_(rows[pair.a], rows[pair.b]), np.ix_(rows[pair.b], rows[pair.a])
        of_a = pair.primary_ab * primary[a] + pair.secondary_ab * secondary[a]
        of_b = pair.primary_ba * primary[b] + pair.secondary_ba * secondary[b]
        if of_a.any() or of_b.any():
            found[pair.a, pair.b], found[pair.b, pair.a] = of_a, of_b
    return found


def _hits(blocks: Sequence[Block]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    both = np.array([[hit(mine, theirs) for theirs in blocks] for mine in blocks])
    return both[:, :, 0], both[:, :, 1]


def costs(member: Member, move_price: float) -> list[float]:
    """For each option what going there costs."""
    return [
        0.0 if member.now in (None, index) else move_price + option.move_cost
        for index, option in enumerate(member.options)
    ]


def _undominated(
    member: Member,
    kept: NDArray[np.intp],
    sides: Sequence[NDArray[np.float64]],
    move_price: float,
    free_moves: bool,
) -> NDArray[np.intp]:
    """The options that are left of ``kept``."""
    cost = np.array(costs(member, move_price))[kept]
    foreign = np.array([member.options[each].foreign for each in kept])
    worth = member.weight * np.array([member.options[each].worth for each in kept]) - cost
    alone = worth - member.weight * np.log1p(foreign)
    moves = kept != member.now if member.now is not None and not free_moves else np.zeros(len(kept), bool)
    gone = np.zeros(len(kept), bool)
    for each in range(len(kept)):
        # Of two that are at odds in what strangers leave, the difference is greatest where nobody of the
        # site contends, and vanishes where very many do: better at both ends is better between.
        better = (alone >= alone[each]) & (worth >= worth[each]) & (moves <= moves[each]) & ~gone
        better[each] = False
        for side in sides:
            better &= (side <= side[each]).all(axis=1)
            if not better.any():
                break
        gone[each] = better.any()
    return kept[~gone]
