"""A problem as arrays, so that all options of many members are weighed at once. Pure.

    gain of a move = what the member gets there - what it has here - what its neighbours lose by it

A member's gain rests on where its neighbours are and on how much is in their way. So the gains of members
that share no neighbour and are none are true together, and a move touches the sums of the neighbours alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.planner.overlap import hit
from agent.planner.site.problem import Choice, Pair, Problem
from inventory.channels import Block

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Flags = NDArray[np.bool_]


class Overlaps(NamedTuple):
    """Who is in whose way, over the blocks of a problem and a last one that is none: in nobody's way.
    ``primary``, ``secondary``: [mine, theirs], of `overlap.hit`. ``near``: [block, ...] blocks with which it
    overlaps, filled up with the last one. ``grade``: [block, ...] for each of these, which of the hits on
    the block it is; ``graded``: [2, block, grade] these hits, each once."""

    primary: Floats
    secondary: Floats
    near: Ints
    grade: Ints
    graded: Floats


def overlaps(blocks: Sequence[Block]) -> Overlaps:
    """The tables for these blocks."""
    size = len(blocks) + 1
    both = np.zeros((2, size, size))
    for mine, block in enumerate(blocks):
        for theirs, other in enumerate(blocks):
            both[:, mine, theirs] = hit(block, other)
    touching = np.logical_or(both[0] + both[1], (both[0] + both[1]).T)
    near = np.full((size, max(1, int(touching.sum(axis=1).max()))), size - 1)
    kinds: list[list[tuple[float, float]]] = []
    grade = np.zeros_like(near)
    for mine in range(size):
        others = np.flatnonzero(touching[mine])
        near[mine, : len(others)] = others
        hits = [(float(both[0, mine, each]), float(both[1, mine, each])) for each in near[mine]]
        kinds.append(sorted(set(hits)))
        grade[mine] = [kinds[-1].index(each) for each in hits]
    graded = np.zeros((2, size, max(map(len, kinds))))
    for mine, found in enumerate(kinds):
        graded[:, mine, : len(found)] = np.array(found).T
    return Overlaps(both[0], both[1], near, grade, graded)


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
    at = {block: index for index, block in enumerate(blocks)}
    shape = (len(members), max((len(member.options) for member in members), default=1))
    block = np.full(shape, len(blocks))
    worth, free, cost = np.zeros(shape), np.ones(shape), np.full(shape, np.inf)
    for row, member in enumerate(members):
        to = np.s_[row, : len(member.options)]
        block[to] = [at[option.block] for option in member.options]
        worth[to] = [option.worth for option in member.options]
        free[to] = [1.0 + option.foreign for option in member.options]
        cost[to] = [
            _cost(member.now, each, option.move_cost, move_price)
            for each, option in enumerate(member.options)
        ]
    owner, other, loses, takes = _ears(problem.pairs)
    count = np.bincount(owner, minlength=len(members))
    shift = len(members) * np.arange(copies)[:, None]
    many = np.tile(count, copies)
    return Arrays(
        copies=copies,
        overlaps=overlaps(blocks),
        block=np.tile(block, (copies, 1)),
        worth=np.tile(worth, (copies, 1)),
        free=np.tile(free, (copies, 1)),
        cost=np.tile(cost, (copies, 1)),
        weight=np.tile(np.array([member.weight for member in members]), copies),
        now=np.tile(
            np.array([-1 if member.now is None else member.now for member in members], np.intp), copies
        ),
        first=np.cumsum(many) - many,
        count=many,
        owner=(owner + shift).ravel(),
        other=(other + shift).ravel(),
        loses=np.tile(loses, (1, copies)),
        takes=np.tile(takes, (1, copies)),
    )


def _cost(now: int | None, to: int, move_cost: float, price: float) -> float:
    return 0.0 if now is None or now == to else price + move_cost


def _ears(pairs: Sequence[Pair]) -> tuple[Ints, Ints, Floats, Floats]:
    if not pairs:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros((2, 0)), np.zeros((2, 0))
    a, b = np.array([(pair.a, pair.b) for pair in pairs], np.intp).T
    of_a = np.array([(pair.primary_ab, pair.secondary_ab) for pair in pairs]).T
    of_b = np.array([(pair.primary_ba, pair.secondary_ba) for pair in pairs]).T
    owner, other = np.concatenate((a, b)), np.concatenate((b, a))
    order = np.lexsort((other, owner))
    loses, takes = np.concatenate((of_a, of_b), axis=1), np.concatenate((of_b, of_a), axis=1)
    return owner[order], other[order], loses[:, order], takes[:, order]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where everybody is, changed in place. ``option``, ``block`` by member; ``load``: 1 + all that is in
    its way there."""

    option: Ints
    block: Ints
    load: Floats


def standing(table: Arrays, choice: Choice | Ints) -> Standing:
    """The standing of a choice for all copies; of option -1: it is off air."""
    option = np.array(choice, np.intp)
    rows = np.arange(len(option))
    block = np.where(option < 0, len(table.overlaps.near) - 1, table.block[rows, option])
    mine, theirs = block[table.owner], block[table.other]
    lost = (
        table.loses[0] * table.overlaps.primary[mine, theirs]
        + table.loses[1] * table.overlaps.secondary[mine, theirs]
    )
    free = np.where(option < 0, 1.0, table.free[rows, option])
    return Standing(option=option, block=block, load=free + _summed(table.owner, lost, len(option)))


def _summed(at: Ints, of: Floats, size: int) -> Floats:
    return np.bincount(at, of, size).astype(np.float64)  # of nothing it counts in whole numbers


def totals(table: Arrays, state: Standing) -> Floats:
    """The objective of each copy, in nats."""
    rows = np.arange(len(state.option))
    on = table.worth[rows, state.option] - np.log(state.load)
    each = table.weight * on - table.cost[rows, state.option]
    return np.asarray(each.reshape(table.copies, -1).sum(axis=1))


class Batch(NamedTuple):
    """Members looked at together. ``ears``: all of theirs; ``row``: whose each is, by the place in
    ``members``."""

    members: Ints
    ears: Ints
    row: Ints


def batch(table: Arrays, members: Ints) -> Batch:
    """These members with their ears."""
    many = table.count[members]
    row = np.repeat(np.arange(len(members)), many)
    within = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
    return Batch(members, table.first[members][row] + within, row)


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
    over, size = table.overlaps, len(table.overlaps.near)
    other = table.other[of.ears]
    theirs, mine = state.block[other], state.block[of.members][of.row]
    loses, takes = table.loses[:, of.ears], table.takes[:, of.ears]
    near = over.near[theirs]
    cells = (of.row[:, None] * size + near).ravel()
    there = theirs[:, None]
    way = loses[0][:, None] * over.primary[near, there] + loses[1][:, None] * over.secondary[near, there]
    without = (
        state.load[other] - takes[0] * over.primary[theirs, mine] - takes[1] * over.secondary[theirs, mine]
    )
    graded = takes[0][:, None] * over.graded[0, theirs] + takes[1][:, None] * over.graded[1, theirs]
    loss = table.weight[other][:, None] * np.log1p(graded / without[:, None])
    harm = np.take_along_axis(loss, over.grade[theirs], axis=1)
    shape = (len(of.members), size)
    found = _summed(cells, way.ravel(), shape[0] * size).reshape(shape)
    return found, _summed(cells, harm.ravel(), shape[0] * size).reshape(shape)


def move(table: Arrays, state: Standing, members: Ints, options: Ints) -> None:
    """Puts members on options, all at once; one of them may be the neighbour of another."""
    of = batch(table, members)
    other, over = table.other[of.ears], table.overlaps
    size = len(state.option)
    old, new = state.block[members], table.block[members, options]
    for sign, mine in ((-1.0, old[of.row]), (1.0, new[of.row])):
        theirs = state.block[other]
        took = (
            table.takes[0][of.ears] * over.primary[theirs, mine]
            + table.takes[1][of.ears] * over.secondary[theirs, mine]
        )
        state.load[:] += sign * _summed(other, took, size)
        if sign < 0:
            state.block[members], state.option[members] = new, options
    theirs = state.block[other]
    mine = new[of.row]
    lost = (
        table.loses[0][of.ears] * over.primary[mine, theirs]
        + table.loses[1][of.ears] * over.secondary[mine, theirs]
    )
    state.load[members] = table.free[members, options] + _summed(of.row, lost, len(members))
