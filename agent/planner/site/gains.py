"""What each move of a plan brings by itself, the others given; moves that do not pay are dropped. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from agent.planner.overlap import hit
from agent.planner.site.problem import Choice, Problem, contention


class Near(NamedTuple):
    """One neighbour: what it costs us, and we it, on one channel and by secondary channels."""

    other: int
    primary_me: float
    secondary_me: float
    primary_it: float
    secondary_it: float


class Gains:
    """A choice, and what each member's place in it is worth to the whole site, kept up to date."""

    def __init__(self, problem: Problem, choice: Choice) -> None:
        self.problem, self._choice = problem, list(choice)
        self._own = contention(problem, choice)
        self._near: list[list[Near]] = [[] for _ in problem.members]
        for pair in problem.pairs:
            ab, ba = (pair.primary_ab, pair.secondary_ab), (pair.primary_ba, pair.secondary_ba)
            self._near[pair.a].append(Near(pair.b, *ab, *ba))
            self._near[pair.b].append(Near(pair.a, *ba, *ab))

    @property
    def choice(self) -> Choice:
        return tuple(self._choice)

    def of(self, member: int, option: int) -> float:
        """Nats that the site has more if this member is on that option than where the choice has it; move
        costs left out."""
        before, after = self._choice[member], option
        of_member = self.problem.members[member]
        own, won = 0.0, 0.0
        for near, cost, gone, come in self._changes(member, after):
            own += cost
            other = self.problem.members[near.other]
            foreign = other.options[self._choice[near.other]].foreign
            was = 1.0 + foreign + self._own[near.other]
            won += other.weight * (math.log(was) - math.log(max(1.0 + foreign, was - gone + come)))
        now, then = of_member.options[before], of_member.options[after]
        mine = then.nats(own) - now.nats(self._own[member])
        return of_member.weight * mine + won

    def put(self, member: int, option: int) -> None:
        """Change the choice."""
        own = 0.0
        for near, cost, gone, come in self._changes(member, option):
            own += cost
            self._own[near.other] += come - gone
        self._own[member], self._choice[member] = own, option

    def near(self, member: int) -> list[int]:
        return [each.other for each in self._near[member]]

    def _changes(self, member: int, option: int) -> list[tuple[Near, float, float, float]]:
        """For each neighbour: what it costs this member then, and what this member costs it now and then."""
        options = self.problem.members[member].options
        now, then = options[self._choice[member]].block, options[option].block
        found = []
        for near in self._near[member]:
            at = self.problem.members[near.other].options[self._choice[near.other]].block
            of_it, gone, come = hit(then, at), hit(at, now), hit(at, then)
            found.append(
                (
                    near,
                    of_it.cost(near.primary_me, near.secondary_me),
                    gone.cost(near.primary_it, near.secondary_it),
                    come.cost(near.primary_it, near.secondary_it),
                )
            )
        return found


def brings(gains: Gains, member: int) -> float:
    """What the site would lose if this member went back, move costs left out; 0 where it has not moved."""
    now = gains.problem.members[member].now
    return 0.0 if now is None else -gains.of(member, now)


def kept(
    problem: Problem, choice: Choice, least_nats: float, most: int | None = None
) -> tuple[Choice, dict[int, float]]:
    """The choice without the moves that bring less than ``least_nats`` and their own cost, the worst dropped
    first and the rest looked at again; and what each move left brings. ``most``: at most so many."""
    gains = Gains(problem, choice)
    moves = {
        index: brings(gains, index)
        for index, (member, at) in enumerate(zip(problem.members, choice, strict=True))
        if member.now is not None and at != member.now
    }
    while moves:
        worst = min(moves, key=lambda each: (_spare(problem, gains.choice, each, moves[each]), each))
        fits = most is None or len(moves) <= most
        if fits and _spare(problem, gains.choice, worst, moves[worst]) >= least_nats:
            told, moves = moves, {each: brings(gains, each) for each in moves}
            if moves == told:
                break
            continue  # who went back changed what its neighbours' other neighbours bring
        del moves[worst]
        now = problem.members[worst].now
        if now is not None:
            gains.put(worst, now)
        for other in gains.near(worst):
            if other in moves:
                moves[other] = brings(gains, other)
    return gains.choice, moves


def _spare(problem: Problem, choice: Sequence[int], member: int, gain: float) -> float:
    """What is left of a gain when the move is paid for."""
    return gain - problem.members[member].options[choice[member]].move_cost
