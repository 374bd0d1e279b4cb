"""What the radios of a problem can lose to each other, as arrays. Pure."""

from __future__ import annotations

import numpy as np

from agent.planner.site.arrays import Floats, overlaps
from agent.planner.site.problem import Problem

Losses = dict[tuple[int, int], Floats]
"""(who, by whom) -> by own option (row) and the other's (column): what the one adds to the other's
contention. Pairs in which nobody can lose anything are absent."""


def losses_of(problem: Problem) -> Losses:
    """What every pair of radios can lose to each other."""
    if not problem.pairs:
        return {}
    blocks = sorted({option.block for member in problem.members for option in member.options})
    at = {block: index for index, block in enumerate(blocks)}
    table = overlaps(tuple(blocks))
    rows = [np.array([at[option.block] for option in member.options]) for member in problem.members]
    found: Losses = {}
    for pair in problem.pairs:
        a, b = np.ix_(rows[pair.a], rows[pair.b]), np.ix_(rows[pair.b], rows[pair.a])
        of_a = pair.primary_ab * table.primary[a] + pair.secondary_ab * table.secondary[a]
        of_b = pair.primary_ba * table.primary[b] + pair.secondary_ba * table.secondary[b]
        if of_a.any() or of_b.any():
            found[pair.a, pair.b], found[pair.b, pair.a] = of_a, of_b
    return found
