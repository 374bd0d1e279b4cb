"""A few radios put where they are best with all others where they are. Pure, as far as `solved` is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from agent.planner.site.exact import never, solved
from agent.planner.site.problem import Choice, Member, Problem, contention, moved


def polished(
    problem: Problem,
    choice: Choice,
    members: Collection[int],
    *,
    most_moves: int | None = None,
    move_price: float = 0.0,
    limit_s: float = 1.0,
    stop: Callable[[], bool] = never,
    seed: int = 1,
) -> Choice:
    """The best places for these members with all others where ``choice`` has them, or ``choice``. Raises
    what `solved` raises."""
    if most_moves is not None:
        others = tuple(each for each in moved(problem, choice) if each not in members)
        most_moves -= len(others)
    small, kept = around(problem, choice, members)
    start = tuple(choice[each] if each in members else 0 for each in kept)
    found = solved(
        small, start, most_moves=most_moves, move_price=move_price, limit_s=limit_s, stop=stop, seed=seed
    )
    new = list(choice)
    for index, option in zip(kept, found.choice, strict=True):
        if index in members:
            new[index] = option
    return tuple(new)


def around(problem: Problem, choice: Choice, members: Collection[int]) -> tuple[Problem, tuple[int, ...]]:
    """The problem of these members and of those who hear them, each of which stays where it is: what it has
    in its way from farther off is a stranger's to it. Also the members of that problem by their indices in
    this one."""
    near = {
        end for pair in problem.pairs if pair.a in members or pair.b in members for end in (pair.a, pair.b)
    }
    kept = tuple(sorted(near | set(members)))
    at = {index: place for place, index in enumerate(kept)}
    pairs = tuple(
        pair._replace(a=at[pair.a], b=at[pair.b]) for pair in problem.pairs if pair.a in at and pair.b in at
    )
    small = Problem(
        band=problem.band,
        members=tuple(_stays(problem.members[each], choice[each]) for each in kept),
        pairs=pairs,
    )
    beyond = [
        all_of_them - near_by
        for all_of_them, near_by in zip(
            (contention(problem, choice)[each] for each in kept),
            contention(small, (0,) * len(kept)),
            strict=True,
        )
    ]
    return replace(
        small,
        members=tuple(
            problem.members[index] if index in members else _with(staying, max(0.0, more))
            for index, staying, more in zip(kept, small.members, beyond, strict=True)
        ),
    ), kept


def _stays(member: Member, at: int) -> Member:
    return replace(member, options=(member.options[at],), now=None)


def _with(member: Member, more: float) -> Member:
    option = member.options[0]
    return replace(member, options=(replace(option, foreign=option.foreign + more),))
