"""The best plan that there is, or how much better it could be at most: one band as a model for CP-SAT. Pure.

The contention of each radio is a linear sum over booleans, each "b is so much in the way of a"; the logarithm
is replaced by chords, which lie above it (-ln is convex); contention is rounded down and worth up. So no
choice is worth less in the model than in truth, and what the solver proves of the model holds for the truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from agent.planner.site.losses import Reduced, costs, reduced
from agent.planner.site.problem import Choice, Problem, objective

STEP: Final = 10_000
"""Contention is counted in parts of so much of a contender who always sends, rounded down."""

UNIT: Final = 1_000_000
"""Values are counted in parts of so much of a nat, rounded up."""

CHORD: Final = 0.06
"""Nats from end to end of a chord: it lies above the logarithm by 0.06^2 / 8 = 0.00045 nats at most."""

CLOSE: Final = 1e-3
"""Nats for each radio: so near to the bound is the optimum, for all that a person could tell."""


class NoSolverError(RuntimeError):
    """OR-tools is not installed: nothing can be proven. A plan is as good without it, but nobody knows how
    good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """``choice``: the best that was found, never worse than the start. ``bound``: no choice reaches more;
    None = not known. ``proven``: within a thousandth of a nat for each radio of the best there is."""

    choice: Choice
    objective: float
    bound: float | None
    proven: bool


def solved(
    problem: Problem,
    start: Choice,
    *,
    most_moves: int | None = None,
    move_price: float = 0.0,
    limit_s: float = 10.0,
    workers: int = 1,
    seed: int = 1,
) -> Solved:
    """The best choice with at most ``most_moves`` moves, as far as ``limit_s`` seconds of process time take
    it. ``start`` keeps to ``most_moves``.

    NoSolverError: go on without.
    """
    cp_model = solver()
    small = reduced(problem, move_price, free_moves=most_moves is None)
    model = _Model(problem, small, move_price, cp_model)
    model.limit(most_moves)
    model.hint(start)
    found, bound = model.solve(limit_s, workers, seed)
    choice = start
    if found is not None and objective(problem, found, move_price) > objective(problem, start, move_price):
        choice = found
    reached = objective(problem, choice, move_price)
    close = bound is not None and bound - reached <= CLOSE * len(problem.members)
    return Solved(choice=choice, objective=reached, bound=bound, proven=close)


def solver() -> Any:
    """What proves. Raises NoSolverError."""
    try:
        from ortools.sat.python import cp_model
    except ImportError as error:
        raise NoSolverError(
            "OR-tools is not installed, so nobody can say how good the plan is: pip install 'rrmd[exact]'"
        ) from error
    return cp_model


class _Model:
    def __init__(self, problem: Problem, small: Reduced, move_price: float, cp_model: Any) -> None:
        self._problem, self._small, self._price, self._cp = problem, small, move_price, cp_model
        self._model = cp_model.CpModel()
        self._at: list[dict[int, Any]] = []
        for index, kept in enumerate(small.kept):
            here = {option: self._model.new_bool_var(f"y{index}_{option}") for option in kept}
            self._model.add_exactly_one(here.values())
            self._at.append(here)
        terms, self._constant = [], 0
        for index in range(len(problem.members)):
            terms.append(self._value_of(index))
        self._model.maximize(sum(terms))

    def limit(self, most_moves: int | None) -> None:
        if most_moves is not None:
            moves = [
                taken
                for member, here in zip(self._problem.members, self._at, strict=True)
                for option, taken in here.items()
                if member.now is not None and option != member.now
            ]
            self._model.add(sum(moves) <= most_moves)

    def hint(self, start: Choice) -> None:
        for at, here in zip(start, self._at, strict=True):
            for option, taken in here.items():
                self._model.add_hint(taken, option == at)

    def solve(self, limit_s: float, workers: int, seed: int) -> tuple[Choice | None, float | None]:
        solver = self._cp.CpSolver()
        solver.parameters.max_time_in_seconds = limit_s
        solver.parameters.num_workers = workers
        solver.parameters.random_seed = seed
        status = solver.solve(self._model)
        if status not in (self._cp.OPTIMAL, self._cp.FEASIBLE):
            return None, None
        choice = tuple(
            next(option for option, taken in here.items() if solver.value(taken)) for here in self._at
        )
        return choice, solver.best_objective_bound / UNIT

    def _value_of(self, index: int) -> Any:
        """What a member is worth in the model, in units: never less than in truth."""
        member = self._problem.members[index]
        here = self._at[index]
        cost = costs(member, self._price)
        worth = {
            option: math.ceil(UNIT * (member.weight * member.options[option].worth - cost[option]))
            for option in here
        }
        alone = {option: math.floor(STEP * (1.0 + member.options[option].foreign)) for option in here}
        most = max(alone.values())
        in_way = [self._contention(index, by) for who, by in self._small.losses if who == index]
        most += sum(each[1] for each in in_way)
        least = min(alone.values())
        total = sum(alone[option] * taken for option, taken in here.items()) + sum(e[0] for e in in_way)
        return sum(worth[o] * taken for o, taken in here.items()) + self._log(
            member.weight, total, least, most
        )

    def _contention(self, who: int, by: int) -> tuple[Any, int]:
        """What one adds to the contention of another, in steps, and the most that this can be."""
        loss = np.floor(self._small.losses[who, by] * STEP).astype(int)
        mine, theirs = list(self._at[who].values()), list(self._at[by].values())
        levels = sorted(set(loss.flat) - {0})
        total, before = 0, 0
        for level in levels:
            high = loss >= level
            reached = self._model.new_bool_var("")
            for row in np.unique(high, axis=0):
                if not row.any():
                    continue
                rows = [m for m, same in zip(mine, (high == row).all(axis=1), strict=True) if same]
                columns = [t for t, hurts in zip(theirs, row, strict=True) if hurts]
                self._model.add(sum(rows) + sum(columns) <= 1 + reached)
            total, before = total + int(level - before) * reached, level
        return total, int(before)

    def _log(self, weight: float, total: Any, least: int, most: int) -> Any:
        """-weight x ln(total) in units, or a little more."""
        ends = _ends(least, most)
        if len(ends) == 1:
            return math.ceil(-weight * UNIT * math.log(least / STEP))
        low, high = (math.ceil(-weight * UNIT * math.log(end / STEP)) for end in (most, least))
        value = self._model.new_int_var(low, high, "")
        parts = []
        for left, right in pairwise(ends):
            within = self._model.new_bool_var("")
            parts.append(within)
            self._model.add(total >= left).only_enforce_if(within)
            self._model.add(total <= right).only_enforce_if(within)
            at_left = math.ceil(-weight * UNIT * math.log(left / STEP))
            at_right = math.ceil(-weight * UNIT * math.log(right / STEP))
            rise = at_left - at_right
            span = right - left
            self._model.add(span * value <= span * (at_left + 1) - rise * (total - left)).only_enforce_if(
                within
            )
        self._model.add_exactly_one(parts)
        return value


def _ends(least: int, most: int) -> Sequence[int]:
    """Ends of the chords from ``least`` to ``most``, rising."""
    count = max(1, math.ceil(math.log(most / least) / CHORD))
    grid = {round(least * (most / least) ** (each / count)) for each in range(count + 1)}
    return sorted(grid | {least, most})
