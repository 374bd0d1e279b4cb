"""Simulated annealing of a channel plan: the plain kind, made as well as we can. NumPy.

One radio after the other is put onto one of its options with the chance of Boltzmann (heat bath), so that no
look is wasted on a refusal; the temperature falls geometrically; all
options of a radio are weighed in one go. Same objective, same start, same budget of moves as ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent.planner.overlap import hit
from agent.planner.site.problem import Choice, Problem
from benchmarks.plan_peers import started

HOT: Final = 0.3
"""Nats at the beginning: half of a usual radio's loss to one close neighbour."""

COLD: Final = 0.02
"""Where moves freeze; the descent does the rest. Both were tried out on sites of 20 and of 200 radios."""

MOST_DESCENT: Final = 30
"""Sweeps; it takes three to five."""

LEAST: Final = 1e-9
"""Nats under which a gain is rounding."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def annealed(problem: Problem, *, most_moves: int | None, sweeps: int, seed: int) -> Choice:
    """The best choice met in so many sweeps over all radios, and in a descent after them until a sweep gains
    nothing more: then no single move pays."""
    rng = np.random.default_rng(seed)
    board = _Board(problem)
    movable = np.array([each for each, member in enumerate(problem.members) if len(member.options) > 1])
    best, best_value = board.at.copy(), board.value()
    for heat in (*HOT * (COLD / HOT) ** np.linspace(0.0, 1.0, sweeps), *repeat(0.0, MOST_DESCENT)):
        before = board.value()
        for radio in rng.permutation(movable):
            board.turn(int(radio), float(heat), most_moves, rng)
        if (reached := board.value()) > best_value:
            best, best_value = board.at.copy(), reached
        if heat == 0.0 and reached < before + LEAST:
            break
    return tuple(int(each) for each in best)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Radio:
    """``blocks``: of its options, as indices; ``loses``, ``takes``: [primary or secondary, neighbour]."""

    blocks: Ints
    worth: Floats
    free: Floats
    now: int
    weight: float
    near: Ints
    loses: Floats
    takes: Floats


class _Board:
    """Where everybody is, and how much is in whose way."""

    def __init__(self, problem: Problem) -> None:
        blocks = sorted({option.block for member in problem.members for option in member.options})
        place = {block: index for index, block in enumerate(blocks)}
        hits = np.array([[hit(mine, theirs) for theirs in blocks] for mine in blocks])
        self._hits = np.ascontiguousarray(hits.transpose(2, 0, 1))  # [primary or secondary, mine, theirs]
        self._radios = _radios(problem, place)
        self._weight = np.array([member.weight for member in problem.members])
        self.at = np.array(started(problem), np.intp)
        self._away = 0
        self._block = np.array([each.blocks[at] for each, at in zip(self._radios, self.at, strict=True)])
        self._load = np.array([self._load_of(each) for each in range(len(self.at))])

    def _load_of(self, radio: int) -> float:
        each = self._radios[radio]
        lost = each.loses * self._hits[:, self._block[radio], self._block[each.near]]
        return float(1.0 + each.free[self.at[radio]] + lost.sum())

    def value(self) -> float:
        worth = np.array([each.worth[at] for each, at in zip(self._radios, self.at, strict=True)])
        return float(self._weight @ (worth - np.log(self._load)))

    def turn(self, radio: int, heat: float, most_moves: int | None, rng: np.random.Generator) -> None:
        """One radio's turn. Where all moves are spent, another one goes back for it, or it stays."""
        each = self._radios[radio]
        full = most_moves is not None and self._away >= most_moves and self.at[radio] == each.now
        if not full:
            gains = self._gains(radio)
            self._put(radio, _drawn(gains, heat, rng))
            return
        away = np.flatnonzero(self.at != np.array([r.now for r in self._radios]))
        if not len(away):
            return
        other = int(rng.choice(away))
        was = int(self.at[other])
        back = float(self._gains(other)[self._radios[other].now])
        self._put(other, self._radios[other].now)
        gains = np.append(back + self._gains(radio), 0.0)
        drawn = _drawn(gains, heat, rng)
        if drawn == len(gains) - 1:
            self._put(other, was)
        else:
            self._put(radio, drawn)

    def _gains(self, radio: int) -> Floats:
        """What the whole site gains with this radio on each of its options, nats; 0 where it is."""
        each, own = self._radios[radio], int(self._block[radio])
        theirs = self._block[each.near]
        mine = each.blocks[:, None]
        way = (each.loses[0] * self._hits[0][mine, theirs]).sum(axis=1)
        way += (each.loses[1] * self._hits[1][mine, theirs]).sum(axis=1)
        value = each.weight * (each.worth - np.log(1.0 + each.free + way))
        without = self._load[each.near] - (each.takes * self._hits[:, theirs, own]).sum(axis=0)
        took = each.takes[0] * self._hits[0][theirs, mine] + each.takes[1] * self._hits[1][theirs, mine]
        value -= np.log(without + took) @ self._weight[each.near]
        return np.asarray(value - value[self.at[radio]])

    def _put(self, radio: int, option: int) -> None:
        each = self._radios[radio]
        if option == self.at[radio]:
            return
        self._away += int(self.at[radio] == each.now) - int(option == each.now)
        theirs, old, new = self._block[each.near], int(self._block[radio]), int(each.blocks[option])
        self._load[each.near] += (each.takes * (self._hits[:, theirs, new] - self._hits[:, theirs, old])).sum(
            axis=0
        )
        self.at[radio], self._block[radio] = option, new
        self._load[radio] = self._load_of(radio)


def _drawn(gains: Floats, heat: float, rng: np.random.Generator) -> int:
    if heat <= 0.0:
        return int(np.argmax(gains))
    chance = np.cumsum(np.exp((gains - gains.max()) / heat))
    return int(np.searchsorted(chance, rng.random() * chance[-1], side="right"))


def _radios(problem: Problem, place: dict[Any, int]) -> list[_Radio]:
    near: list[list[tuple[int, float, float, float, float]]] = [[] for _ in problem.members]
    for pair in problem.pairs:
        ab, ba = (pair.primary_ab, pair.secondary_ab), (pair.primary_ba, pair.secondary_ba)
        near[pair.a].append((pair.b, *ab, *ba))
        near[pair.b].append((pair.a, *ba, *ab))
    found = []
    for member, around in zip(problem.members, near, strict=True):
        rows = np.array(around).reshape(-1, 5).T
        found.append(
            _Radio(
                blocks=np.array([place[option.block] for option in member.options]),
                worth=np.array([option.worth for option in member.options]),
                free=np.array([option.foreign for option in member.options]),
                now=-1 if member.now is None else member.now,
                weight=member.weight,
                near=rows[0].astype(np.intp),
                loses=np.ascontiguousarray(rows[1:3]),
                takes=np.ascontiguousarray(rows[3:5]),
            )
        )
    return found
