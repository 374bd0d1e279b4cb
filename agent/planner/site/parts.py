"""The spectrum of a band in parts that have nothing to do with each other, and who could be where in each.
Pure.

A part is a stretch of spectrum whose blocks overlap only among themselves (a channel of 2.4 GHz; 80 MHz of
5 GHz, if nobody is wider), with radios that hear each other, be it by way of others. What a part is worth
depends on who is in it alone:

    a site's value = sum over its parts of what each is worth with those who are in it
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.planner.site.arrays import Flags, Floats, Ints, costs
from agent.planner.site.losses import Losses, losses_of
from agent.planner.site.problem import Choice, Member, Problem, crowded, objective
from agent.planner.spectrum import mask_of
from inventory.channels import Block

Filling = tuple[int, ...]
"""Seats of a part that are taken, at most one of each radio, rising."""

_ROUNDING: Final = 1e-6


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


Options = tuple[tuple[int, ...], ...]
"""For each member the options that are looked at, by their indices."""


def alone(member: Member, move_price: float) -> Floats:
    """For each option what it is worth where nobody of the site contends, less what going there costs,
    nats."""
    worth = np.array([option.worth - math.log1p(option.foreign) for option in member.options])
    found: Floats = member.weight * worth - costs(member, move_price)
    return found


def promising(problem: Problem, start: Choice, move_price: float) -> Options:
    """Options of choices that might be better than ``start``: if everybody else were alone on its best
    one."""
    worth = [alone(member, move_price) for member in problem.members]
    spare = math.fsum(each.max() for each in worth) - objective(problem, start, move_price) + _ROUNDING
    return tuple(
        tuple(option for option, here in enumerate(each) if here >= each.max() - spare or option == at)
        for each, at in zip(worth, start, strict=True)
    )


def parts_of(problem: Problem, options: Options, move_price: float) -> list[Part]:
    """The parts of a problem that somebody could be in with these options."""
    losses = losses_of(problem)
    groups = crowded(problem)
    blocks_in_play = {
        problem.members[radio].options[at].block for radio, some in enumerate(options) for at in some
    }
    found = []
    for blocks in _stretches(blocks_in_play):
        for group in groups:
            seats = [
                (radio, at)
                for radio in group
                for at in options[radio]
                if problem.members[radio].options[at].block in blocks
            ]
            if seats:
                found.append(_part(problem, losses, options, move_price, seats))
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


def _part(
    problem: Problem, losses: Losses, options: Options, move_price: float, seats: list[tuple[int, int]]
) -> Part:
    members = [problem.members[radio] for radio, _ in seats]
    radio, option = np.array(seats, np.intp).T
    foreign = [member.options[at].foreign for member, at in zip(members, option, strict=True)]
    worth = {each: alone(problem.members[each], move_price) for each in np.unique(radio)}
    counts = np.bincount(radio, minlength=len(problem.members))
    return Part(
        radio=radio,
        option=option,
        alone=np.array([worth[each][at] for each, at in seats]),
        weight=np.array([member.weight for member in members]),
        moves=np.array([m.now not in (None, at) for m, at in zip(members, option, strict=True)]),
        ratio=_ratio(losses, radio, option) / (1.0 + np.array(foreign))[:, None],
        must=frozenset(int(each) for each in worth if counts[each] == len(options[each])),
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
