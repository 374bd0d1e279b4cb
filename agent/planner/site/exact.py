"""The best plan that there is, or how much better it could be at most. Pure but for the solver's own clock.

A plan puts one filling into each part of the spectrum (`agent.planner.site.parts`), and each radio into one
of them. If being somewhere has a price for each radio, every part can be filled by itself, so

    bound = sum of the prices + sum over the parts of the best filling less its prices

holds for whatever prices (Lagrange). Those that make it least come out of a linear programme over the
fillings found so far, which get better with the prices (column generation; Barnhart et al., Branch-and-price,
Operations Research 46, 1998). What is left between the bound and the best plan known is closed by trying,
with CP-SAT, all fillings that a better plan could be made of: those that bring nearly as much as the best.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from agent.planner.site.arrays import Floats
from agent.planner.site.clusters import clusters, inside
from agent.planner.site.fillings import Found, above, best, never
from agent.planner.site.parts import Filling, Part, alone, parts_of, promising
from agent.planner.site.problem import Choice, Problem, moved, objective, values

UNIT: Final = 1_000_000
"""CP-SAT counts values in parts of so much of a nat, rounded up: the bound stays one."""

CLOSE: Final = 1e-3
"""Nats for each radio: so near to what the programme reaches, prices are looked for in a wider box."""

NEAR: Final = 1e-6
"""Nats for each radio that nobody looks for any more."""

LITTLE_WORK: Final = 100_000
MUCH_WORK: Final = 20_000_000
"""Seats that are weighed for one part and one set of prices: at first, and at most."""

WORK_A_S: Final = 24_000_000
"""Seats that one core weighs in a second, about (25 to 40 million of small sites, 8 of large ones): what
``limit_s`` means in work."""

ROUND_WORK: Final = 50_000
"""What looking for the next prices is worth in that."""

MOST_FILLINGS: Final = 40_000
"""More can't be tried all."""

EASY: Final = 24
"""Radios that are solved as a whole, mostly in seconds; of more, the bound comes from clusters of so many."""

HARD: Final = 80
"""More are not looked at as a whole: their fillings are too many."""

BOX: Final = 0.35
"""Prices are looked for so near to the best ones known, nats: farther off the programme knows nothing yet."""

INERTIA: Final = 0.7
"""Prices that are tried next lie so much nearer to the best known than to those of the programme (Wentges,
Weighted Dantzig-Wolfe decomposition, 1997)."""


class NoSolverError(RuntimeError):
    """OR-tools is not installed: nothing can be proven. A plan is as good without it, but nobody knows how
    good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """``choice``: the best that was found, never worse than the start. ``bound``: no choice reaches more;
    None = not known."""

    choice: Choice
    objective: float
    bound: float | None


def solver() -> tuple[Any, Any]:
    """The modules of OR-tools for linear programmes and for CP-SAT. Raises NoSolverError."""
    try:
        from ortools.linear_solver import pywraplp
        from ortools.sat.python import cp_model
    except ImportError as error:
        raise NoSolverError(
            "OR-tools is not installed, so nobody can say how good the plan is: pip install 'rrmd[exact]'"
        ) from error
    return pywraplp, cp_model


def solved(
    problem: Problem,
    start: Choice,
    *,
    most_moves: int | None = None,
    move_price: float = 0.0,
    limit_s: float = 10.0,
    stop: Callable[[], bool] = never,
    workers: int = 1,
    seed: int = 1,
) -> Solved:
    """The best choice with at most ``most_moves`` moves, as far as ``limit_s`` seconds of a usual core take
    it; ``stop`` true ends it earlier. Raises NoSolverError; ValueError: ``start`` has too many moves."""
    solver()
    if most_moves is not None and len(moved(problem, start)) > most_moves:
        raise ValueError(f"the start has {len(moved(problem, start))} moves, more than {most_moves}")
    ask = partial(_whole, most_moves=most_moves, move_price=move_price, stop=stop, workers=workers, seed=seed)
    size = len(problem.members)
    if size <= EASY:
        choice, bound = ask(problem, start, limit_s=limit_s)
    else:
        of_clusters_s = limit_s / 2 if size <= HARD else limit_s
        choice, bound, share_s = start, 0.0, of_clusters_s * EASY / size
        for each in clusters(problem, EASY):
            bound += ask(inside(problem, each), tuple(start[at] for at in each), limit_s=share_s)[1]
        if size <= HARD:
            choice, of_all = ask(problem, start, limit_s=limit_s / 2)
            bound = min(bound, of_all)
    reached = objective(problem, choice, move_price)
    return Solved(choice=choice, objective=reached, bound=max(bound, reached))


def _whole(
    problem: Problem,
    start: Choice,
    *,
    most_moves: int | None,
    move_price: float,
    limit_s: float,
    stop: Callable[[], bool],
    workers: int,
    seed: int,
) -> tuple[Choice, float]:
    """The best choice that was found, and what none exceeds."""
    work = _Work(limit_s * WORK_A_S, stop)
    if work.done:
        return start, math.fsum(alone(member, move_price).max() for member in problem.members)
    parts = parts_of(problem, promising(problem, start, move_price), move_price)
    site = _Site(problem, parts, most_moves, move_price, workers, seed)
    prices = _Prices(site, start, work)
    near = NEAR * len(problem.members)
    choice, bound = start, prices.lowered(site.objective(start) + near)
    if bound - site.objective(choice) > near and not work.done:
        choice, _ = site.assembled(prices.known, choice, work)
    spare = bound - site.objective(choice)
    if spare > near and (all_of_them := prices.all_within(spare + near)) is not None:
        choice, most = site.assembled(all_of_them, choice, work)
        bound = min(bound, max(most, site.objective(choice)))
    return choice, bound


@dataclass(frozen=True, slots=True)
class _Site:
    """What is asked."""

    problem: Problem
    parts: list[Part]
    most_moves: int | None
    move_price: float
    workers: int
    seed: int

    def objective(self, choice: Choice) -> float:
        return objective(self.problem, choice, self.move_price)

    def assembled(
        self, fillings: Sequence[Sequence[Filling]], start: Choice, work: _Work
    ) -> tuple[Choice, float]:
        """The best choice made of these fillings (by part) or ``start``, and what none made of them
        exceeds."""
        _, cp_model = solver()
        model = cp_model.CpModel()
        taken: list[tuple[Part, Filling, Any]] = []
        at: list[list[Any]] = [[] for _ in self.problem.members]
        for part, found in zip(self.parts, fillings, strict=True):
            if work.done:
                return start, math.inf
            here = [(part, filling, model.new_bool_var("")) for filling in found]
            model.add_at_most_one(each for _, _, each in here)
            for _, filling, each in here:
                model.add_hint(each, filling == part.of(start))
                for seat in filling:
                    at[part.radio[seat]].append(each)
            taken += here
        for each in at:
            model.add_exactly_one(each)
        if self.most_moves is not None:
            moves = [int(part.moves[list(filling)].sum()) * each for part, filling, each in taken if filling]
            model.add(sum(moves) <= self.most_moves)
        model.maximize(sum(math.ceil(UNIT * part.worth(filling)) * each for part, filling, each in taken))
        engine = cp_model.CpSolver()
        engine.parameters.max_time_in_seconds = work.left_s
        engine.parameters.num_workers = self.workers
        engine.parameters.random_seed = self.seed
        status = engine.solve(model)
        work.left -= engine.wall_time * WORK_A_S
        if status == cp_model.INFEASIBLE:
            return start, -math.inf
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return start, math.inf
        choice = self._choice([(part, filling) for part, filling, each in taken if engine.value(each)])
        better = self.objective(choice) > self.objective(start)
        return choice if better else start, engine.best_objective_bound / UNIT

    def _choice(self, fillings: Sequence[tuple[Part, Filling]]) -> Choice:
        found = {
            int(part.radio[seat]): int(part.option[seat]) for part, filling in fillings for seat in filling
        }
        return tuple(found[index] for index in range(len(found)))


@dataclass(slots=True)
class _Work:
    """Seats that may still be weighed."""

    left: float
    stop: Callable[[], bool]

    @property
    def done(self) -> bool:
        return self.left <= 0 or self.stop()

    @property
    def left_s(self) -> float:
        return max(0.0, self.left / WORK_A_S)


class _Prices:
    """What it costs each radio to be in a part, and the last of them: what a move costs, if they are
    limited. ``known``: by part, the fillings found."""

    def __init__(self, site: _Site, start: Choice, work: _Work) -> None:
        self._site, self._work = site, work
        self._worth: list[dict[Filling, float]] = [{} for _ in site.parts]
        pywraplp, _ = solver()
        self._programme = pywraplp.Solver.CreateSolver("GLOP")
        self._goal = self._programme.Objective()
        self._goal.SetMaximization()
        endless = self._programme.infinity()
        size = len(site.problem.members)
        self._rows = [self._programme.Constraint(1, 1) for _ in range(size)]
        if site.most_moves is not None:
            self._rows.append(self._programme.Constraint(-endless, site.most_moves))
        self._once = [self._programme.Constraint(1 if part.must else -endless, 1) for part in site.parts]
        self._limits = np.array([1.0] * size + ([] if site.most_moves is None else [site.most_moves]))
        first = values(site.problem, start)
        self.best = np.array([*first, *[0.0] * (len(self._rows) - size)])
        self._box = BOX * np.array([each.weight for each in site.problem.members])
        self._ends = [self._walls(index) for index in range(size)]
        self._move_box()
        for index, part in enumerate(site.parts):
            self._add(index, part.of(start))
            if not part.must:
                for seat in range(len(part.radio)):
                    self._add(index, (seat,))

    @property
    def known(self) -> list[list[Filling]]:
        return [list(each) for each in self._worth]

    def lowered(self, enough: float) -> float:
        """The least bound that was found; no further than ``enough``."""
        much, inertia = LITTLE_WORK, INERTIA
        bound = self._first_bound(much)
        while bound > enough and not self._work.done:
            self._work.left -= ROUND_WORK
            if not self._solved():
                break
            reached, wide = self._goal.Value(), self._walled_in()
            if bound - reached <= (CLOSE if wide else NEAR) * len(self._rows):
                if not wide:
                    break
                self._widen(wide)
                continue
            there = np.array([row.dual_value() for row in self._rows])
            tried = inertia * self.best + (1.0 - inertia) * there
            found, added = self._bound(tried, much)
            if found < bound:
                bound, self.best = found, tried
            if added:
                continue
            if inertia > 0.0:
                inertia = inertia / 2 if inertia > 0.2 else 0.0
            elif much < MUCH_WORK:
                much *= 10
            elif wide:
                self._widen(wide)
            else:
                break
        return bound

    def _solved(self) -> bool:
        """Whether the programme has found its prices in time."""
        self._programme.SetTimeLimit(max(1, round(self._work.left_s * 1000)))
        found: bool = self._programme.Solve() == self._programme.OPTIMAL
        return found

    def _first_bound(self, much: int) -> float:
        """Of what everybody has now, and of what everybody would have alone: the better one is where the
        search for prices begins."""
        members = self._site.problem.members
        most = [alone(member, self._site.move_price).max() for member in members]
        rest = [0.0] * (len(self._rows) - len(members))
        by_now, by_most = self._bound(self.best, much)[0], self._bound(np.array([*most, *rest]), much)[0]
        if by_most < by_now:
            self.best = np.array([*most, *rest])
            self._move_box()
        return min(by_now, by_most)

    def _walled_in(self) -> list[int]:
        """Radios whose prices are at an end of the box."""
        return [
            index for index, ends in enumerate(self._ends) if any(end.solution_value() > NEAR for end in ends)
        ]

    def _widen(self, wide: list[int]) -> None:
        self._box[wide] *= 2.0
        self._move_box()

    def all_within(self, spare: float) -> list[list[Filling]] | None:
        """By part, all fillings that a choice could have which is worth more than the bound less ``spare``;
        None: there are too many."""
        found: list[list[Filling]] = []
        left = MOST_FILLINGS
        for index, part in enumerate(self._site.parts):
            price = self._price(part, self.best)
            top = self._best(index, price, MUCH_WORK)
            most_work = min(MUCH_WORK, self._work.left)
            some = above(part, price, top.bound - spare, most_work, left, self._work.stop)
            self._work.left -= some.work
            if not some.whole or self._work.done:
                return None
            left -= len(some.fillings)
            found.append([filling for _, filling in some.fillings])
        return found

    def _bound(self, prices: Floats, most_work: int) -> tuple[float, bool]:
        """What these prices prove, and whether they led to fillings that were not known."""
        total, added = float(prices @ self._limits), False
        for index, part in enumerate(self._site.parts):
            price = self._price(part, prices)
            found = self._best(index, price, most_work)
            total += found.bound
            for _, filling in found.fillings:
                added |= self._add(index, filling)
        return total, added

    def _best(self, index: int, price: Floats, most_work: float) -> Found:
        """The best filling of a part beyond those known, as far as the work that is left goes."""
        most_work, known = min(most_work, self._work.left), self._top(index, price)
        found = best(self._site.parts[index], price, known, most_work, self._work.stop)
        self._work.left -= found.work
        return found

    def _price(self, part: Part, prices: Floats) -> Floats:
        price: Floats = prices[part.radio]
        return price if self._site.most_moves is None else price + part.moves * max(0.0, prices[-1])

    def _top(self, index: int, price: Floats) -> float:
        """What the best filling known brings at these prices."""
        return max(
            (worth - float(price[list(filling)].sum()) for filling, worth in self._worth[index].items()),
            default=-math.inf,
        )

    def _add(self, index: int, filling: Filling) -> bool:
        if not filling or filling in self._worth[index]:
            return False
        part = self._site.parts[index]
        worth = self._worth[index][filling] = part.worth(filling)
        share = self._programme.NumVar(0, self._programme.infinity(), "")
        self._goal.SetCoefficient(share, worth)
        self._once[index].SetCoefficient(share, 1)
        for seat in filling:
            self._rows[part.radio[seat]].SetCoefficient(share, 1)
        if self._site.most_moves is not None:
            self._rows[-1].SetCoefficient(share, int(part.moves[list(filling)].sum()))
        return True

    def _walls(self, index: int) -> tuple[Any, Any]:
        """What stands in for a radio's fillings where they are not known yet."""
        ends = []
        for sign in (1, -1):
            end = self._programme.NumVar(0, self._programme.infinity(), "")
            self._rows[index].SetCoefficient(end, sign)
            ends.append(end)
        return ends[0], ends[1]

    def _move_box(self) -> None:
        for index, (low, high) in enumerate(self._ends):
            self._goal.SetCoefficient(low, float(self.best[index] - self._box[index]))
            self._goal.SetCoefficient(high, -float(self.best[index] + self._box[index]))
