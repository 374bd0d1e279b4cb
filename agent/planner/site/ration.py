"""How many radios of a band may change one way in one plan: the rule of the site. Pure.

- of two that hear each other at `overlap_dbm` or more, one: what it changes may be enough for both;
- a third of the site and of each radio's neighbourhood, at least one: nowhere do all go up or down, and
  the mean over neighbours changes by a third of a step at most;
- nobody loses more than `MOST_HARM` by all of them together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from agent.planner.site.cells import Cell, Levels
from agent.planner.site.power_value import Others
from agent.view import SiteView
from inventory.model import RadioKey

SHARE: Final = 3
"""One in so many radios."""

MOST_HARM: Final = 0.1
"""Nats that all changes of a plan may cost anybody: a tenth of what it expects."""


class Ration:
    """What was granted so far, and what may be granted yet."""

    def __init__(self, view: SiteView, cells: Sequence[Cell], levels: Levels, others: Others) -> None:
        policy, keys = view.site.policy, [each.key for each in cells]
        self._beside = _hearing(keys, levels, policy.plan.overlap_dbm)
        self._near = _hearing(keys, levels, policy.neighbour_dbm)
        self._others, self._most = others, most_of(len(cells))
        self._granted: dict[str, set[RadioKey]] = {}
        self._around: dict[str, Counter[RadioKey]] = {}
        self._lost: dict[int, float] = {}

    def refusal(self, cell: Cell, way: str, by_db: int, own: float) -> str | None:
        """Why this radio may not change that way, too; None: it may. ``by_db``: against its power of now;
        ``own``: nats that it wins itself."""
        granted, around = self._granted.get(way, set()), self._around.get(way, Counter())
        if len(granted) >= self._most:
            return "enough_of_them_in_one_plan"
        if granted & self._beside[cell.key]:
            return "a_neighbour_first"
        near = self._near[cell.key]
        if any(around[each] >= most_of(len(self._near[each])) for each in near):
            return "enough_of_its_neighbours_in_one_plan"
        losses = self._losses(cell, by_db, own)
        if any(self._lost.get(index, 0.0) + lost > MOST_HARM for index, lost in losses.items()):
            return "somebody_would_lose_too_much"
        return None

    def grant(self, cell: Cell, way: str, by_db: int, own: float) -> None:
        """It changes that way."""
        for index, lost in self._losses(cell, by_db, own).items():
            self._lost[index] = self._lost.get(index, 0.0) + lost
        self._others.put(cell.index, by_db)
        self._granted.setdefault(way, set()).add(cell.key)
        self._around.setdefault(way, Counter()).update(self._near[cell.key])

    def _losses(self, cell: Cell, by_db: int, own: float) -> dict[int, float]:
        """Who would lose how much by it, nats; gains are nobody's licence to take more from him elsewhere."""
        won = {**self._others.of(cell.index, by_db), cell.index: own}
        return {index: -nats for index, nats in won.items() if nats < 0}


def most_of(radios: int) -> int:
    """So many of them may change one way."""
    return max(1, radios // SHARE)


def _hearing(keys: Sequence[RadioKey], levels: Levels, least_dbm: float) -> Mapping[RadioKey, set[RadioKey]]:
    """For each radio itself, and all that hear it or that it hears so loud."""
    found = {key: {key} for key in keys}
    for (a, b), level in levels.items():
        if level.dbm >= least_dbm and a in found and b in found:
            found[a].add(b)
            found[b].add(a)
    return found
