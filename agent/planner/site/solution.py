"""Where the radios of one band start from, and where a plan has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.planner.site.gains import Gains
from agent.planner.site.problem import Choice, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """One band: where its radios start from, where they end, what each move brings (by member, nats).
    ``timed_out``: the search was stopped before its end."""

    problem: Problem
    start: Choice
    end: Choice
    moves: Mapping[int, float] = field(default_factory=dict)
    timed_out: bool = False


def start(problem: Problem) -> Choice:
    """Where the radios are; those without a place each on the best one that is left, in their order."""
    gains = Gains(problem, tuple(member.now or 0 for member in problem.members))
    for index, member in enumerate(problem.members):
        if member.now is None:
            worth = [gains.of(index, option) for option in range(len(member.options))]
            gains.put(index, worth.index(max(worth)))
    return gains.choice
