"""In which order the radios of a plan move: steps in which nobody has to hear the other move. Pure.

The greatest gain first, as things are at that moment: who must wait for another to leave gains nothing
before, and so comes after. Each option of a problem is legal by itself, so each state in between is. Who
changes power alone comes last: powers are planned for the channels as they will be then.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, NamedTuple

from agent.planner.overlap import NOTHING, Hit, hit
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem
from inventory.channels import Block
from inventory.model import RadioKey, ap_of

SLACK: Final = math.log(1.05)
"""Nats of the whole site that a step may cost without being called a loss: a twentieth of one radio's air."""

NEAR_ZERO: Final = 1e-9
"""Nats: a difference that is of adding up in another order."""


class Way(NamedTuple):
    """One band: where its radios are (`Member.now`), and where they shall be."""

    problem: Problem
    choice: Choice


def standing(problem: Problem, sending: Sequence[Block | None]) -> Problem:
    """The same, with who may not stay where it sends as one that is there, worth 1 MHz: until it has moved it
    is in the way of others. ``sending``: for each member where it sends now, None = it is silent."""
    members = (_where_it_sends(*each) for each in zip(problem.members, sending, strict=True))
    return replace(problem, members=tuple(members))


def _where_it_sends(member: Member, block: Block | None) -> Member:
    if member.now is not None or block is None:
        return member
    return replace(member, options=(*member.options, Option(block=block, worth=0.0)), now=len(member.options))


class Step(NamedTuple):
    """Radios that move together, one after the other. ``change``: what the site's value gains by it, nats.
    Less than -`SLACK`: a ring of moves, each of which waits for the next, was opened where it costs least."""

    radios: tuple[RadioKey, ...]
    change: float


def ordered(
    ways: Sequence[Way],
    near: Mapping[RadioKey, Collection[RadioKey]],
    most_aps: int,
    also: Iterable[RadioKey] = (),
) -> tuple[Step, ...]:
    """The moves of a plan in steps, each radio once.

    ``near``: RF neighbours, both ways; no two of them in one step, nor two radios of one AP. ``most_aps``:
    in one step, at least 1. ``also``: radios that change without moving. A radio that is off air counts as 1
    MHz until it has moved. A step costs at most `SLACK`, or is one move alone. Greedy, from the beginning
    and, if that has to lose something on the way, also from the end; the better one of the two.
    """
    found = _in_steps([_Room(way) for way in ways], near, most_aps, Greed.BEST_FIRST)
    if worst(found) < -SLACK:
        back = _in_steps([_Room(way, back=True) for way in ways], near, most_aps, Greed.BEST_LAST)
        found = max(found, back, key=lambda steps: (round(worst(steps), 9), steps is found))
    moved = {key for step in found for key in step.radios}
    return (*found, *_without_moving(sorted(set(also) - moved), near, most_aps))


def worst(steps: Iterable[Step]) -> float:
    """The step that costs the site most, nats; 0: none costs anything."""
    return min((0.0, *(step.change for step in steps)))


class Greed(Enum):
    """From which end the moves are lined up; from the end each is taken back, and the dearest comes last."""

    BEST_FIRST = 1
    BEST_LAST = -1


def _in_steps(
    rooms: Sequence[_Room], near: Mapping[RadioKey, Collection[RadioKey]], most_aps: int, greed: Greed
) -> list[Step]:
    room_of = {key: room for room in rooms for key in room.waiting}
    left, steps = sorted(room_of), list[Step]()
    while left:
        step = _next_step(left, room_of, _Together(near, most_aps), greed)
        steps.append(step)
        left = [key for key in left if key not in set(step.radios)]
    return steps if greed is Greed.BEST_FIRST else [Step(radios[::-1], by) for radios, by in steps[::-1]]


def _next_step(
    left: Sequence[RadioKey], room_of: Mapping[RadioKey, _Room], step: _Together, greed: Greed
) -> Step:
    """Those that gain now, the best first; if nobody does, those that cost least, as far as `SLACK` goes."""
    gains = {key: greed.value * room_of[key].gain(key) for key in left}
    ranked = sorted(left, key=lambda key: (-round(gains[key], 9), key))
    nobody_gains = gains[ranked[0]] < -NEAR_ZERO
    sum_of = 0.0
    for key in ranked:
        if step.full or (gains[key] < -NEAR_ZERO and not nobody_gains):
            break
        gain = greed.value * room_of[key].gain(key) if step.fits(key) else -math.inf
        if not step.radios or gain >= -NEAR_ZERO or (nobody_gains and sum_of + gain >= -SLACK):
            room_of[key].move(key)
            step.add(key)
            sum_of += gain
    return Step(tuple(step.radios), sum_of)


def _without_moving(
    also: Sequence[RadioKey], near: Mapping[RadioKey, Collection[RadioKey]], most_aps: int
) -> list[Step]:
    steps, left = list[Step](), list(also)
    while left:
        step = _Together(near, most_aps)
        for key in left:
            if step.fits(key):
                step.add(key)
        steps.append(Step(tuple(step.radios), 0.0))
        left = [key for key in left if key not in set(step.radios)]
    return steps


class _Together:
    """Radios of one step: of so many APs, none of which hears another."""

    def __init__(self, near: Mapping[RadioKey, Collection[RadioKey]], most_aps: int) -> None:
        self.radios: list[RadioKey] = []
        self._near, self._most = near, max(1, most_aps)
        self._aps: set[str] = set()
        self._heard: set[RadioKey] = set()

    @property
    def full(self) -> bool:
        return len(self.radios) >= self._most

    def fits(self, key: RadioKey) -> bool:
        return not self.full and ap_of(key) not in self._aps and key not in self._heard

    def add(self, key: RadioKey) -> None:
        self.radios.append(key)
        self._aps.add(ap_of(key))
        self._heard.update(self._near.get(key, ()))


@dataclass(slots=True)
class _Waiting:
    """One move that is not made yet. ``mine``: by who is in whose way, how much less or more this radio will
    have in its way; ``theirs``: how much more others will have. Only what is not 0."""

    at: int
    to: Option | None
    mine: dict[int, float] = field(default_factory=dict)
    theirs: dict[int, float] = field(default_factory=dict)


class _Room:
    """One band between before and after; ``back``: from after to before. Kept up to date with each move, so
    that a gain costs a few logarithms and no look at who hears whom."""

    def __init__(self, way: Way, *, back: bool = False) -> None:
        members = way.problem.members
        self._weights = [member.weight for member in members]
        now = [None if m.now is None else m.options[m.now] for m in members]
        then: list[Option | None] = [m.options[to] for m, to in zip(members, way.choice, strict=True)]
        self._options, targets = (then, now) if back else (now, then)
        self._in_way = [0.0] * len(members)
        self.waiting = {
            member.key: _Waiting(at, targets[at])
            for at, (member, to) in enumerate(zip(members, way.choice, strict=True))
            if to != member.now
        }
        self._by_index = {each.at: each for each in self.waiting.values()}
        self._pairs: dict[int, list[Pair]] = {at: [] for at in self._by_index}
        for pair in way.problem.pairs:
            self._meet(pair)
        for at, pairs in self._pairs.items():
            for pair in pairs:
                self._weigh(self._by_index[at], pair)

    def gain(self, key: RadioKey) -> float:
        """What the site gains by this move now, nats."""
        move = self.waiting[key]
        changes = [self._change(other, more) for other, more in move.theirs.items()]
        return math.fsum([*changes, self._own_change(move)])

    def move(self, key: RadioKey) -> None:
        """Make it."""
        move = self.waiting.pop(key)
        self._options[move.at] = move.to
        self._add(move.at, math.fsum(move.mine.values()))
        for other, more in move.theirs.items():
            self._add(other, more)
        del self._by_index[move.at]
        for pair in self._pairs.pop(move.at):
            waits = self._by_index.get(pair.b if pair.a == move.at else pair.a)
            if waits is not None:
                self._weigh(waits, pair)

    def _meet(self, pair: Pair) -> None:
        of_a, of_b = _hits(self._options[pair.a], self._options[pair.b])
        self._add(pair.a, of_a.cost(pair.primary_ab, pair.secondary_ab))
        self._add(pair.b, of_b.cost(pair.primary_ba, pair.secondary_ba))
        for at in (pair.a, pair.b):
            if at in self._pairs:
                self._pairs[at].append(pair)

    def _weigh(self, move: _Waiting, pair: Pair) -> None:
        """What one pair makes of a move, the other one being where it is now."""
        other = pair.b if pair.a == move.at else pair.a
        mine, theirs = (pair[2], pair[4]), (pair[3], pair[5])
        if other == pair.a:
            mine, theirs = theirs, mine
        before = _hits(self._options[move.at], self._options[other])
        after = _hits(move.to, self._options[other])
        _keep(move.mine, other, after[0].cost(*mine) - before[0].cost(*mine))
        _keep(move.theirs, other, after[1].cost(*theirs) - before[1].cost(*theirs))

    def _add(self, at: int, more: float) -> None:
        self._in_way[at] = max(0.0, self._in_way[at] + more)

    def _own_change(self, move: _Waiting) -> float:
        in_way = self._in_way[move.at]
        then = max(0.0, in_way + math.fsum(move.mine.values()))
        change = _nats(move.to, then) - _nats(self._options[move.at], in_way)
        return self._weights[move.at] * change

    def _change(self, at: int, more: float) -> float:
        option, in_way = self._options[at], self._in_way[at]
        return self._weights[at] * (_nats(option, max(0.0, in_way + more)) - _nats(option, in_way))


def _nats(option: Option | None, in_way: float) -> float:
    """ln of the MHz that one radio has."""
    return 0.0 if option is None else option.nats(in_way)


def _hits(mine: Option | None, theirs: Option | None) -> tuple[Hit, Hit]:
    """What they cost each other; nothing while one is off air."""
    if mine is None or theirs is None:
        return NOTHING, NOTHING
    return hit(mine.block, theirs.block), hit(theirs.block, mine.block)


def _keep(where: dict[int, float], other: int, more: float) -> None:
    if more:
        where[other] = more
    else:
        where.pop(other, None)
