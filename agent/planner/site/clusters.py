"""A large problem in clusters of radios that are most in each other's way. Pure.

What radios of different clusters lose to each other is left out. So the best that every cluster can reach by
itself is, all together, no less than what the site can reach.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from agent.planner.site.problem import Problem


def clusters(problem: Problem, most: int) -> Iterator[tuple[int, ...]]:
    """All members, each in one cluster of at most ``most``. Each begins with the one who is most in the way
    of those who are left, and takes in whoever is most in the way of those who are in it."""
    near: list[dict[int, float]] = [{} for _ in problem.members]
    for pair in problem.pairs:
        near[pair.a][pair.b] = near[pair.b][pair.a] = pair.primary_ab + pair.primary_ba
    left = set(range(len(problem.members)))
    while left:
        seed = max(left, key=lambda each: (sum(near[each].get(other, 0.0) for other in left), -each))
        found, pull = {seed}, dict.fromkeys(left - {seed}, 0.0)
        newest = seed
        while len(found) < most and pull:
            for other in near[newest].keys() & pull.keys():
                pull[other] += near[newest][other]
            newest = max(pull, key=lambda each: (pull[each], -each))
            if pull.pop(newest) == 0.0:
                break
            found.add(newest)
        left -= found
        yield tuple(sorted(found))


def inside(problem: Problem, members: Collection[int]) -> Problem:
    """The problem of these members, as if there were no others; in the order given."""
    at = {index: place for place, index in enumerate(members)}
    pairs = tuple(
        pair._replace(a=at[pair.a], b=at[pair.b]) for pair in problem.pairs if pair.a in at and pair.b in at
    )
    return Problem(band=problem.band, members=tuple(problem.members[each] for each in members), pairs=pairs)
