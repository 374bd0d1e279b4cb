"""A problem as arrays, so that all options of many members are weighed at once. Pure.

    gain of a move = what the member gets there - what it has here - what its neighbours lose by it

A member's gain rests on where its neighbours are and on how much is in their way. So the gains of members
that share no neighbour and are none are true together, and a move touches the sums of the neighbours alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.planner.overlap import hit
from agent.planner.site.problem import Choice, Member, Pair, Problem
from inventory.channels import Block

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]


class Overlaps(NamedTuple):
    """Who is in whose way, over the blocks of a problem and a last one that is none: in nobody's way.
    ``primary``, ``secondary``: [mine, theirs], of `overlap.hit`. ``grades``: [2, mine, grade] the hits that
    there are on a block, each once, filled up with 0; ``felt``: [mine x grade, theirs] 1 where a BSS there is
    such a hit."""

    primary: Floats
    secondary: Floats
    grades: Floats
    felt: Floats


@lru_cache(maxsize=16)
def overlaps(blocks: tuple[Block, ...]) -> Overlaps:
    """The tables for these blocks; not to be written to."""
    size = len(blocks) + 1
    both = np.zeros((2, size, size))
    for mine, block in enumerate(blocks):
        for theirs, other in enumerate(blocks):
            both[:, mine, theirs] = hit(block, other)
    kinds = [np.unique(row[:, row.any(axis=0)], axis=1) for row in both.transpose(1, 0, 2)]
    most = max(1, *(kind.shape[1] for kind in kinds))
    grades, felt = np.zeros((2, size, most)), np.zeros((size, most, size))
    for mine, kind in enumerate(kinds):
        grades[:, mine, : kind.shape[1]] = kind
        felt[mine, : kind.shape[1]] = (both[:, mine, None, :] == kind[:, :, None]).all(axis=0)
    return Overlaps(both[0], both[1], grades, felt.reshape(-1, size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """A problem, ``copies`` times side by side: nobody hears another copy. By member and option: ``block``,
    an index into the overlaps, the last where it has no such option; ``worth``, ``free`` (1 + foreign),
    ``cost`` of going there (infinite: no such option). By member: ``weight``, ``now`` (-1: none), ``first``
    and ``count`` of its ears. By ear, that is once for each of a pair: ``owner`` and ``other``; ``loses``:
    [2, ...] what the owner loses to the other on primary and on secondary channels; ``takes``: what the
    other loses to it."""

    copies: int
    overlaps: Overlaps
    block: Ints
    worth: Floats
    free: Floats
    cost: Floats
    weight: Floats
    now: Ints
    first: Ints
    count: Ints
    owner: Ints
    other: Ints
    loses: Floats
    takes: Floats


def arrays(problem: Problem, *, move_price: float = 0.0, copies: int = 1) -> Arrays:
    """The arrays of a problem. ``move_price``: nats that each move costs beside its own cost."""
    members = problem.members
    blocks = sorted({option.block for member in members for option in member.options})
    block, worth, free, cost = _options(members, blocks, move_price)
    owner, other, loses, takes = _ears(problem.pairs)
    count = np.tile(np.bincount(owner, minlength=len(members)), copies)
    shift = len(members) * np.arange(copies)[:, None]
    now = np.array([-1 if member.now is None else member.now for member in members], np.intp)
    return Arrays(
        copies=copies,
        overlaps=overlaps(tuple(blocks)),
        block=np.tile(block, (copies, 1)),
        worth=np.tile(worth, (copies, 1)),
        free=np.tile(free, (copies, 1)),
        cost=np.tile(cost, (copies, 1)),
        weight=np.tile(np.array([member.weight for member in members]), copies),
        now=np.tile(now, copies),
        first=np.cumsum(count) - count,
        count=count,
        owner=(owner + shift).ravel(),
        other=(other + shift).ravel(),
        loses=np.tile(loses, (1, copies)),
        takes=np.tile(takes, (1, copies)),
    )


def _options(
    members: Sequence[Member], blocks: Sequence[Block], move_price: float
) -> tuple[Ints, Floats, Floats, Floats]:
    at = {block: index for index, block in enumerate(blocks)}
    shape = (len(members), max((len(member.options) for member in members), default=1))
    block = np.full(shape, len(blocks))
    worth, free, cost = np.zeros(shape), np.ones(shape), np.full(shape, np.inf)
    for row, member in enumerate(members):
        to = np.s_[row, : len(member.options)]
        block[to] = [at[option.block] for option in member.options]
        worth[to] = [option.worth for option in member.options]
        free[to] = [1.0 + option.foreign for option in member.options]
        cost[to] = costs(member, move_price)
    return block, worth, free, cost


def costs(member: Member, move_price: float) -> list[float]:
    """For each option what going there costs, nats."""
    return [
        0.0 if member.now in (None, index) else move_price + option.move_cost
        for index, option in enumerate(member.options)
    ]


def _ears(pairs: Sequence[Pair]) -> tuple[Ints, Ints, Floats, Floats]:
    a, b = np.array([(pair.a, pair.b) for pair in pairs], np.intp).reshape(-1, 2).T
    of_a = np.array([(pair.primary_ab, pair.secondary_ab) for pair in pairs]).reshape(-1, 2).T
    of_b = np.array([(pair.primary_ba, pair.secondary_ba) for pair in pairs]).reshape(-1, 2).T
    owner, other = np.concatenate((a, b)), np.concatenate((b, a))
    order = np.lexsort((other, owner))
    loses, takes = np.concatenate((of_a, of_b), axis=1), np.concatenate((of_b, of_a), axis=1)
    return owner[order], other[order], loses[:, order], takes[:, order]


class Batch(NamedTuple):
    """Members looked at together, and their ears as in `Arrays`; ``row``: whose an ear is, by the place in
    ``members``."""

    members: Ints
    row: Ints
    other: Ints
    loses: Floats
    takes: Floats


def batch(table: Arrays, members: Ints) -> Batch:
    """These members with their ears."""
    many = table.count[members]
    row = np.repeat(np.arange(len(members)), many)
    ears = np.arange(len(row)) + (table.first[members] - np.cumsum(many) + many)[row]
    return Batch(members, row, table.other[ears], table.loses[:, ears], table.takes[:, ears])


def neighbours(table: Arrays, members: Ints) -> Ints:
    """Who hears one of these members or is heard, those of the first member first; may hold one twice."""
    return batch(table, members).other


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where everybody is, changed in place. ``option``, -1: off air; ``block``; ``load``: 1 + all that is in
    its way there."""

    option: Ints
    block: Ints
    load: Floats


def standing(table: Arrays, choice: Choice | Ints) -> Standing:
    """The standing of a choice for all copies."""
    option = np.array(choice, np.intp)
    rows, size = np.arange(len(option)), len(table.overlaps.primary)
    block = np.where(option < 0, size - 1, table.block[rows, option])
    state = Standing(option=option, block=block, load=np.ones(len(option)))
    on = np.flatnonzero(option >= 0)
    move(table, state, on, option[on])
    return state


def totals(table: Arrays, state: Standing) -> Floats:
    """The objective of each copy, in nats."""
    rows = np.arange(len(state.option))
    on = table.worth[rows, state.option] - np.log(state.load)
    each = table.weight * on - table.cost[rows, state.option]
    return np.asarray(each.reshape(table.copies, -1).sum(axis=1))


def prospects(table: Arrays, state: Standing, of: Batch) -> Floats:
    """[member, option]: what the objective would be with the member there, but for a constant of its row;
    -inf where it has no such option."""
    way, harm = _in_the_way(table, state, of)
    rows = np.arange(len(of.members))[:, None]
    block = table.block[of.members]
    own = table.worth[of.members] - np.log(table.free[of.members] + way[rows, block])
    return np.asarray(table.weight[of.members][:, None] * own - harm[rows, block] - table.cost[of.members])


def _in_the_way(table: Arrays, state: Standing, of: Batch) -> tuple[Floats, Floats]:
    """[member, block]: what would be in its way there, and what its neighbours would lose to it, nats."""
    over, shape = table.overlaps, (len(of.members), len(table.overlaps.primary))
    theirs = state.block[of.other]
    cell = of.row * shape[1] + theirs
    way = _summed(cell, of.loses[0], shape) @ over.primary.T
    way += _summed(cell, of.loses[1], shape) @ over.secondary.T
    without = state.load[of.other] - _taken(over, theirs, state.block[of.members][of.row], of.takes)
    more = of.takes[0][:, None] * over.grades[0].take(theirs, axis=0)
    more += of.takes[1][:, None] * over.grades[1].take(theirs, axis=0)
    loss = table.weight[of.other][:, None] * np.log(1.0 + more / without[:, None])
    grades = loss.shape[1]
    cells = (cell * grades)[:, None] + np.arange(grades)
    return way, _summed(cells.ravel(), loss.ravel(), (shape[0], shape[1] * grades)) @ over.felt


def _taken(over: Overlaps, mine: Ints, theirs: Ints, by: Floats) -> Floats:
    return np.asarray(by[0] * over.primary[mine, theirs] + by[1] * over.secondary[mine, theirs])


def _summed(cell: Ints, of: Floats, shape: tuple[int, ...]) -> Floats:
    """An array with each number added to its cell."""
    found = np.bincount(cell, of, int(np.prod(shape)))
    return found.astype(np.float64, copy=False).reshape(shape)  # of nothing it counts in whole numbers


def move(table: Arrays, state: Standing, members: Ints, options: Ints) -> None:
    """Puts members on options, all at once; some of them may be each other's neighbours."""
    of, size = batch(table, members), state.load.shape
    old, new = state.block[members], table.block[members, options]
    theirs = state.block[of.other]
    change = _taken(table.overlaps, theirs, new[of.row], of.takes)
    change -= _taken(table.overlaps, theirs, old[of.row], of.takes)
    state.load[:] += _summed(of.other, change, size)
    state.block[members], state.option[members] = new, options
    lost = _taken(table.overlaps, new[of.row], state.block[of.other], of.loses)
    state.load[members] = table.free[members, options] + _summed(of.row, lost, members.shape)
