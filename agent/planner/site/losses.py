"""What the radios of a problem can lose to each other, and what going somewhere costs, as arrays. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.planner.overlap import hit
from agent.planner.site.problem import Member, Problem
from inventory.channels import Block

Floats = NDArray[np.float64]

Losses = dict[tuple[int, int], Floats]
"""(who, by whom) -> by own option (row) and the other's (column): what the one adds to the other's
contention. Pairs in which nobody can lose anything are absent."""


def losses_of(problem: Problem) -> Losses:
    """What every pair of radios can lose to each other."""
    if not problem.pairs:
        return {}
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


def _hits(blocks: Sequence[Block]) -> tuple[Floats, Floats]:
    both = np.array([[hit(mine, theirs) for theirs in blocks] for mine in blocks])
    return both[:, :, 0], both[:, :, 1]


def costs(member: Member, move_price: float) -> list[float]:
    """For each option what going there costs, nats."""
    return [
        0.0 if member.now in (None, index) else move_price + option.move_cost
        for index, option in enumerate(member.options)
    ]
