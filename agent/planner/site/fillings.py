"""Who should be in a part of the spectrum if being there has a price. Pure.

Radio by radio, thousands of fillings at once: each is followed as long as what is in it now, and what every
radio that is still to come could bring at best, is more than what was found already (branch and bound).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from agent.planner.site.arrays import Flags, Floats, Ints
from agent.planner.site.parts import Filling, Part

TOGETHER: Final = 500_000
"""Seats that are weighed in one go: 4 MB, and as much for each radio that was decided on."""

KEPT: Final = 8
"""Good fillings that come back beside the best."""

EPS: Final = 1e-9


class Found(NamedTuple):
    """``bound``: no filling brings more. ``fillings``: what they bring and they themselves, the best first.
    ``whole``: nothing was left out for want of ``work``; ``work``: how many seats were weighed, a seat in two
    fillings twice."""

    bound: float
    fillings: list[tuple[float, Filling]]
    whole: bool
    work: int


class _Open(NamedTuple):
    """Fillings in which the first ``level`` radios have been decided on: what contends on each seat, which
    are taken, what they can bring at most."""

    level: int
    lost: Floats
    taken: Flags
    bound: Floats


class _Tree:
    """The seats of a part that count, radio by radio, those that must be in first."""

    def __init__(self, part: Part, price: Floats, *, all_seats: bool) -> None:
        gain = part.alone - price
        live = np.flatnonzero(all_seats | (gain > EPS) | np.isin(part.radio, list(part.must)))
        best = {int(each): gain[live[part.radio[live] == each]].max() for each in np.unique(part.radio[live])}
        order = sorted(best, key=lambda each: (each not in part.must, -best[each], each))
        rows = [live[part.radio[live] == each] for each in order]
        self.seats: Ints = np.concatenate(rows) if rows else np.zeros(0, np.intp)
        self.ends = np.cumsum([0, *map(len, rows)])
        self.least = np.array([-math.inf if each in part.must else 0.0 for each in order])
        self.musts = len(part.must)
        self.gain, self.weight = gain[self.seats], part.weight[self.seats]
        self.ratio = part.ratio[np.ix_(self.seats, self.seats)]
        self.levels = len(order)

    def root(self) -> _Open:
        size = len(self.seats)
        lost = np.zeros((1, size))
        return _Open(0, lost, np.zeros((1, size), bool), self._still(0, lost))

    def below(self, one: _Open) -> tuple[_Open, Floats]:
        """These fillings with and without the next radio, and what they bring as they are."""
        first, last = self.ends[one.level], self.ends[one.level + 1]
        without = one.level >= self.musts
        lost, taken = ([one.lost], [one.taken]) if without else ([], [])
        for seat in range(first, last):
            with_it = one.taken.copy()
            with_it[:, seat] = True
            lost.append(one.lost + self.ratio[:, seat])
            taken.append(with_it)
        both, all_taken = np.concatenate(lost), np.concatenate(taken)
        which, seats = np.nonzero(all_taken)
        each = self.gain[seats] - self.weight[seats] * np.log1p(both[which, seats])
        brings: Floats = np.bincount(which, each, len(both)).astype(float)
        bound = brings + self._still(one.level + 1, both)
        return _Open(one.level + 1, both, all_taken, bound), brings

    def cut(self, one: _Open, stack: list[_Open], least: float) -> _Open:
        """Those that can bring so much, the most promising; the others go back onto the stack."""
        one = _only(one, one.bound >= least)
        most = max(1, TOGETHER // self.work(one.level))
        if one.level == self.levels or len(one.bound) <= most:
            return one
        order = np.argsort(one.bound, kind="stable")
        stack.append(_only(one, order[:-most]))
        return _only(one, order[-most:])

    def work(self, level: int) -> int:
        """Seats that are weighed when the next radio of one filling is decided on."""
        if level == self.levels:
            return 1
        ways = self.ends[level + 1] - self.ends[level] + (level >= self.musts)
        return int(ways) * len(self.seats)

    def _still(self, level: int, lost: Floats) -> Floats:
        """What the radios from this level on could bring at best."""
        if level == self.levels:
            return np.zeros(len(lost))
        first = self.ends[level]
        now = self.gain[first:] - self.weight[first:] * np.log1p(lost[:, first:])
        each = np.maximum.reduceat(now, self.ends[level:-1] - first, axis=1)
        still: Floats = np.maximum(each, self.least[level:]).sum(axis=1)
        return still

    def filling(self, taken: Flags) -> Filling:
        return tuple(sorted(int(seat) for seat in self.seats[taken]))


def never() -> bool:
    """For who has time."""
    return False


def best(
    part: Part, price: Floats, known: float, most_work: float, stop: Callable[[], bool] = never
) -> Found:
    """The filling that brings the most, and some that are good. ``price``: by seat, nats. ``known``: one
    brings so much; only better ones come back. ``stop``: as if all work were done."""
    tree = _Tree(part, price, all_seats=False)
    found: list[tuple[float, Filling]] = []
    top, work = known if part.must else max(known, 0.0), 0
    stack = [tree.root()]
    while stack:
        one = tree.cut(stack.pop(), stack, top + EPS)
        if one.level == tree.levels or not len(one.bound):
            continue
        work += len(one.bound) * tree.work(one.level)
        if work > most_work or stop():
            left = max(float(each.bound.max()) for each in (one, *stack))
            return Found(max(top, left), _first(found), False, work)
        nxt, brings = tree.below(one)
        if nxt.level >= tree.musts:
            for at in np.argsort(-brings)[:KEPT]:
                if brings[at] > top + EPS or (len(found) < KEPT and brings[at] > known):
                    found.append((float(brings[at]), tree.filling(nxt.taken[at])))
            top = max(top, float(brings.max()))
        going = (nxt.bound > top + EPS) & ((nxt.bound > brings + EPS) | (nxt.level < tree.musts))
        stack.append(_only(nxt, going))
    return Found(top, _first(found), True, work)


def above(
    part: Part, price: Floats, least: float, most_work: float, most: int, stop: Callable[[], bool] = never
) -> Found:
    """All fillings that bring ``least`` or more, unless there are more than ``most``."""
    tree = _Tree(part, price, all_seats=True)
    found: list[tuple[float, Filling]] = []
    work = 0
    stack = [tree.root()]
    while stack:
        one = tree.cut(stack.pop(), stack, least)
        if one.level == tree.levels and len(found) + len(one.bound) <= most:
            found += [(float(b), tree.filling(t)) for b, t in zip(one.bound, one.taken, strict=True)]
            continue
        work += len(one.bound) * tree.work(one.level)
        if one.level == tree.levels or work > most_work or stop():
            return Found(math.inf, [], False, work)
        if len(one.bound):
            stack.append(tree.below(one)[0])
    return Found(math.inf, found, True, work)


def _only(one: _Open, which: Flags | Ints) -> _Open:
    return _Open(one.level, one.lost[which], one.taken[which], one.bound[which])


def _first(found: Sequence[tuple[float, Filling]]) -> list[tuple[float, Filling]]:
    return sorted(found, key=lambda each: (-each[0], each[1]))[:KEPT]
