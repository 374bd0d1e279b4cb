"""The radios of one band as a problem of assignment: who may be where, what is it worth, who is in whose way.
Pure.

    radio's value  = weight x ln(expected MHz)                                                  (nats)
    expected MHz   = e^worth / (1 + foreign + sum over own radios in the way)
    in the way     = primary x Hit.primary + secondary x Hit.secondary         (`agent.planner.overlap`)
    site's value   = sum over radios; so nobody starves: half for one costs more than a tenth for six

``worth`` and ``foreign`` are those of the emergency choice (`agent.planner.channel`): one score, whether one
radio is moved or all. Bands don't touch each other: a site has a problem for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from agent.planner.overlap import hit
from inventory.channels import Block
from inventory.model import Band, RadioKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One legal block for one radio. ``worth``: ln of the MHz that it could expect there if nobody deferred
    to anybody (width that clients can use and strangers leave free, noise, non-Wi-Fi, DFS). ``foreign``:
    strangers on the primary channel, as contenders that always send (0 = nobody). ``move_cost``: nats that
    going there costs once (CAC, clients that lose their connection); 0 where the radio is already.
    ``evidence``: somebody listened there lately. ``terms``: whole numbers for people and the audit."""

    block: Block
    worth: float
    foreign: float = 0.0
    move_cost: float = 0.0
    cac_s: float = 0.0
    evidence: bool = True
    terms: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def nats(self, own: float) -> float:
        """ln of the MHz that the radio can expect with so many own radios in the way."""
        return self.worth - math.log1p(self.foreign + own)

    def mhz(self, own: float) -> float:
        return math.exp(self.nats(own))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One radio. ``options``: never empty; one alone = it stays (pinned, not its turn, foreign zone).
    ``now``: index of the option that it is on; None: it is off air, or may not stay where it is.
    ``weight``: of its value, by its load; 1 on the average of the site."""

    key: RadioKey
    options: tuple[Option, ...]
    now: int | None = None
    weight: float = 1.0


class Pair(NamedTuple):
    """Two members that hear each other, by their indices, a < b. ``primary_ab``: what a loses to b on one
    channel, deferral x load of b; ``secondary_ab``: the same by the deafer ears of secondary channels."""

    a: int
    b: int
    primary_ab: float
    primary_ba: float
    secondary_ab: float
    secondary_ba: float


Choice = tuple[int, ...]
"""For each member the index of its option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """``pairs``: each at most once; who is in none of them hears nobody of the site."""

    band: Band
    members: tuple[Member, ...]
    pairs: tuple[Pair, ...] = ()


def contention(problem: Problem, choice: Choice) -> list[float]:
    """For each member: own radios in its way, as contenders that always send."""
    return crowding(
        problem, [member.options[at].block for member, at in zip(problem.members, choice, strict=True)]
    )


def crowding(problem: Problem, blocks: Sequence[Block | None]) -> list[float]:
    """The same, by where each member sends; None: nowhere."""
    found = [0.0] * len(blocks)
    for pair in problem.pairs:
        a, b = blocks[pair.a], blocks[pair.b]
        if a is not None and b is not None:
            found[pair.a] += hit(a, b).cost(pair.primary_ab, pair.secondary_ab)
            found[pair.b] += hit(b, a).cost(pair.primary_ba, pair.secondary_ba)
    return found


def values(problem: Problem, choice: Choice) -> list[float]:
    """For each member its value in nats."""
    chosen = [member.options[at] for member, at in zip(problem.members, choice, strict=True)]
    own = contention(problem, choice)
    return [
        member.weight * option.nats(in_way)
        for member, option, in_way in zip(problem.members, chosen, own, strict=True)
    ]


def value(problem: Problem, choice: Choice) -> float:
    """The site's value in nats; a person reads e^(value / radios): MHz for each, in the geometric mean."""
    return math.fsum(values(problem, choice))


def moved(problem: Problem, choice: Choice) -> tuple[int, ...]:
    """Members that would leave the option that they are on."""
    pairs = enumerate(zip(problem.members, choice, strict=True))
    return tuple(index for index, (member, at) in pairs if member.now is not None and at != member.now)


def objective(problem: Problem, choice: Choice, move_price: float = 0.0) -> float:
    """What is maximised: the value less what moving costs. ``move_price``: nats that each move must bring at
    least."""
    costs = (
        move_price + problem.members[each].options[choice[each]].move_cost for each in moved(problem, choice)
    )
    return value(problem, choice) - math.fsum(costs)


def gap_ratio(of: float, bound: float, radios: int) -> float:
    """How much more MHz each radio might get than in a solution of this value, 0 = nothing: of the geometric
    mean. ``bound``: nobody can have more."""
    return 1.0 - math.exp((of - bound) / radios) if radios else 0.0


def crowded(problem: Problem) -> list[list[int]]:
    """The members in groups that hear nobody outside of their own: each can be solved by itself."""
    members = range(len(problem.members))
    near: dict[int, list[int]] = {each: [] for each in members}
    for pair in problem.pairs:
        near[pair.a].append(pair.b)
        near[pair.b].append(pair.a)
    groups: list[list[int]] = []
    left = set(members)
    for first in members:
        if first not in left:
            continue
        left.discard(first)
        group, queue = [first], [first]
        while queue:
            for other in near[queue.pop()]:
                if other in left:
                    left.discard(other)
                    group.append(other)
                    queue.append(other)
        groups.append(sorted(group))
    return groups
