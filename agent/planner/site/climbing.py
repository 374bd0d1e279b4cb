"""Moves one by one, each the best there is, until none is left that pays; with a budget of moves also one
taken back for another. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from agent.planner.site.arrays import (
    Arrays,
    Flags,
    Floats,
    Ints,
    Standing,
    batch,
    move,
    neighbours,
    prospects,
    standing,
)

LEAST: Final = 1e-9
"""Nats under which a gain is rounding."""

TOGETHER: Final = 64
"""Members that are weighed in one go, before the next look at the clock."""

PASSES: Final = 4
"""Times that each move is offered for another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """A standing on its way up, changed in place. By member: ``best`` gain of leaving its option and where
    ``to``, ``back``: gain of going back to where it is now, nats; -inf: it may not, or is there."""

    table: Arrays
    state: Standing
    free: Flags
    most_moves: int | None
    stop: Callable[[], bool]
    best: Floats
    to: Ints
    back: Floats

    @classmethod
    def of(
        cls, table: Arrays, option: Ints, free: Flags, most_moves: int | None, stop: Callable[[], bool]
    ) -> Self:
        nothing = np.full(len(option), -np.inf)
        return cls(
            table=table,
            state=standing(table, option),
            free=free,
            most_moves=most_moves,
            stop=stop,
            best=nothing,
            to=np.array(option),
            back=nothing.copy(),
        )

    def up(self) -> bool:
        """All the way. False: it was stopped before; there may even be too many moves then."""
        if not (self._weighed(np.flatnonzero(self.free)) and self._trimmed() and self._climbed()):
            return False
        for _ in range(PASSES if self.most_moves else 0):
            before = self.state.option.copy()
            if not self._exchanged():
                return False
            if (before == self.state.option).all():
                break
        return True

    @property
    def _home(self) -> Flags:
        """Who takes nothing of the budget where it is."""
        return np.asarray((self.table.now < 0) | (self.state.option == self.table.now))

    @property
    def room(self) -> int:
        """Moves that are left; below 0: there are too many."""
        if self.most_moves is None:
            return len(self.best)
        return self.most_moves - int((~self._home).sum())

    def _weighed(self, members: Ints) -> bool:
        """Gains of these members anew. False: stopped before all of them were."""
        for first in range(0, len(members), TOGETHER):
            if self.stop():
                return False
            some = members[first : first + TOGETHER]
            rows, here, now = np.arange(len(some)), self.state.option[some], self.table.now[some]
            gain = prospects(self.table, self.state, batch(self.table, some))
            gain -= gain[rows, here][:, None]
            self.back[some] = np.where((now < 0) | (here == now), -np.inf, gain[rows, now])
            gain[rows, here] = -np.inf
            self.to[some] = gain.argmax(axis=1)
            self.best[some] = gain[rows, self.to[some]]
        return True

    def _gone(self, members: Ints, options: Ints) -> bool:
        move(self.table, self.state, members, options)
        near = np.zeros(len(self.best), bool)
        near[members] = True
        for _ in range(2):  # whose gains changed: they, their neighbours, and theirs
            near[neighbours(self.table, np.flatnonzero(near))] = True
        return self._weighed(np.flatnonzero(near & self.free))

    def _climbed(self) -> bool:
        while True:
            costs = self._home & (self.table.now >= 0)
            order = np.argsort(-self.best, kind="stable")
            going = self._apart(order[self.best[order] > LEAST], costs, self.room)
            if not len(going):
                return True
            if not self._gone(going, self.to[going]):
                return False

    def _trimmed(self) -> bool:
        """Takes back the moves that bring least, while there are too many."""
        while (over := -self.room) > 0:
            least = np.argsort(-self.back, kind="stable")[: over + 1]
            some = self._apart(
                least[self.back[least] > -np.inf], np.ones(len(self.back), bool), over // 8 + 1
            )
            if not len(some) or not self._gone(some, self.table.now[some]):
                return False
        return True

    def _apart(self, order: Ints, costs: Flags, room: int) -> Ints:
        """Of these members, in their order, those whose gains do not touch each other; at most ``room`` of
        whom it costs one."""
        taken, found = np.zeros(len(self.best), bool), []
        for each in order:
            near = neighbours(self.table, np.array([each]))
            if taken[each] or taken[near].any() or (costs[each] and room <= 0):
                continue
            taken[each] = taken[near] = True
            room -= int(costs[each])
            found.append(each)
        return np.array(found, np.intp)

    def _exchanged(self) -> bool:
        """Offers each move once for that of one who is where it is now."""
        for each in np.argsort(-self.back, kind="stable"):
            if self.back[each] == -np.inf:
                continue  # by now it is back
            if self.stop():
                return False
            if self.room <= 0 and not self._offered(each):
                return False
        return self._climbed()

    def _offered(self, each: int) -> bool:
        """This move for the best other one, be it near, where its going matters, or anywhere."""
        one, there, lost = np.array([each]), self.state.option[[each]], self.back[each]
        move(self.table, self.state, one, self.table.now[one])
        near = neighbours(self.table, one)
        home = self._home & self.free & (self.table.now >= 0)
        home[one] = False
        beside = near[home[near]]
        gain = prospects(self.table, self.state, batch(self.table, beside))
        gain -= gain[np.arange(len(beside)), self.state.option[beside]][:, None]
        far = home.copy()
        far[neighbours(self.table, np.append(near, each))] = False
        choices = [(float(self.best[i]), int(i), int(self.to[i])) for i in np.flatnonzero(far)]
        choices += [
            (float(row.max()), int(i), int(row.argmax())) for i, row in zip(beside, gain, strict=True)
        ]
        found, member, to = max(choices, default=(-np.inf, each, 0))
        if found + lost > LEAST:
            return self._gone(one, self.table.now[one]) and self._gone(np.array([member]), np.array([to]))
        move(self.table, self.state, one, there)
        return True
