"""The spectrum of a band in parts that have nothing to do with each other, and who could be where in each.
Pure.

A part is a stretch of spectrum whose blocks overlap only among themselves (a channel of 2.4 GHz; 80 MHz of
5 GHz, if nobody is wider), with radios that hear each other, be it by way of others. What a part is worth
depends on who is in it alone:

    a site's value = sum over its parts of what each is worth with those who are in it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.planner.site.losses import Floats, Losses, costs, losses_of
from agent.planner.site.problem import Choice, Problem, crowded
from agent.planner.spectrum import mask_of
from inventory.channels import Block

Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]

Filling = tuple[int, ...]
"""Seats of a part that are taken, at most one of each radio, rising."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Seats: each a radio on a block of this part. By seat: ``radio`` and ``option`` (indices in the
    problem), ``alone``: what it is worth where nobody of the site contends, less what going there costs,
    nats; ``weight``; ``moves``: to take it is a move. ``ratio``: [seat, other], what the other adds to the
    contention here, of the contention that is there without the site: 1 halves the share. ``must``: radios
    that can be nowhere else."""

    radio: Ints
    option: Ints
    alone: Floats
    weight: Floats
    moves: Flags
    ratio: Floats
    must: frozenset[int]

    def worth(self, filling: Filling) -> float:
        """What those who are in it have together, nats."""
        seats = np.array(filling, np.intp)
        lost = self.weight[seats] * np.log1p(self.ratio[np.ix_(seats, seats)].sum(axis=1))
        return float((self.alone[seats] - lost).sum())

    def of(self, choice: Choice) -> Filling:
        """Who is in it in this choice."""
        return tuple(
            seat
            for seat, (radio, option) in enumerate(zip(self.radio, self.option, strict=True))
            if choice[radio] == option
        )


def parts_of(problem: Problem, move_price: float) -> list[Part]:
    """The parts of a problem that somebody could be in."""
    losses = losses_of(problem)
    groups = crowded(problem, range(len(problem.members)))
    found = []
    for blocks in _stretches(option.block for member in problem.members for option in member.options):
        for group in groups:
            seats = [
                (radio, option)
                for radio in group
                for option, at in enumerate(problem.members[radio].options)
                if at.block in blocks
            ]
            if seats:
                found.append(_part(problem, losses, move_price, seats))
    return found


def _stretches(blocks: Iterable[Block]) -> Iterator[frozenset[Block]]:
    """The blocks in groups that do not overlap with each other."""
    groups: list[tuple[int, set[Block]]] = []
    for block in sorted(set(blocks)):
        mask, members = mask_of(block), {block}
        for group in [each for each in groups if each[0] & mask]:
            mask, members = mask | group[0], members | group[1]
            groups.remove(group)
        groups.append((mask, members))
    return (frozenset(members) for _, members in groups)


def _part(problem: Problem, losses: Losses, move_price: float, seats: list[tuple[int, int]]) -> Part:
    members = [problem.members[radio] for radio, _ in seats]
    options = [member.options[at] for member, (_, at) in zip(members, seats, strict=True)]
    free = np.log1p([option.foreign for option in options])
    weight = np.array([member.weight for member in members])
    cost = [costs(member, move_price)[at] for member, (_, at) in zip(members, seats, strict=True)]
    radio, option = np.array(seats, np.intp).T
    counts = np.bincount(radio, minlength=len(problem.members))
    return Part(
        radio=radio,
        option=option,
        alone=weight * (np.array([each.worth for each in options]) - free) - cost,
        weight=weight,
        moves=np.array([m.now not in (None, at) for m, (_, at) in zip(members, seats, strict=True)]),
        ratio=_ratio(losses, radio, option) / np.exp(free)[:, None],
        must=frozenset(
            int(each) for each in np.unique(radio) if counts[each] == len(problem.members[each].options)
        ),
    )


def _ratio(losses: Losses, radio: Ints, option: Ints) -> Floats:
    """What each seat adds to the contention on each other one, if both are taken."""
    found = np.zeros((len(radio), len(radio)))
    seats = {int(each): np.flatnonzero(radio == each) for each in np.unique(radio)}
    for one, mine in seats.items():
        for other, theirs in seats.items():
            if (one, other) in losses:
                found[np.ix_(mine, theirs)] = losses[one, other][np.ix_(option[mine], option[theirs])]
    return found
