"""All solvers on one made-up site, judged by one value: what each reached, how far that is from the best.

Three budgets: ``free`` (as many moves as a solver likes), ``same`` (as many as ours made when it was free)
and ``half`` of that. Annealing gets the processor time that ours took.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

from agent.planner.site.exact import solved
from agent.planner.site.problem import Choice, Problem, gap_ratio, moved, value
from agent.planner.site.search import improved
from benchmarks.plan_annealing import annealed
from benchmarks.plan_peers import acs, at_random, least_used, started
from benchmarks.plan_sites import Kind, Made, made

OURS: Final = "rrmd"
FREE, SAME, HALF = "free", "same", "half"
BUDGETS: Final = (FREE, SAME, HALF)

PEERS: Final[dict[str, Callable[[Made, int | None, int], Choice]]] = {
    "random": at_random,
    "least used": least_used,
    "hostapd ACS": acs,
}
PROOF: Final = 0.01
"""A bound further than this from the best solution known proves nothing of a solver, and is left out."""

CLOSE: Final = 0.02
HALVINGS: Final = 7
"""The first point of a curve is so many halvings of the whole time away from its end."""

DESCENT_SWEEPS: Final = 4
PILOT_SWEEPS: Final = 5
"""Annealing is timed with so many before it is told how many it may make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What is spent on one site, seconds. ``ours_s``: limit of the search; ``proof_s``: of the exact solver,
    0 = none; ``long_s``: of each of two searches for the best known, 0 = none; both are spent once with all
    moves and once with half of them, the proof only if ``proof_of_half``. ``curve``: how fast ours gets there
    is measured too."""

    ours_s: float
    proof_s: float = 0.0
    proof_of_half: bool = True
    long_s: float = 0.0
    curve: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One solver on one site. ``width_mhz``: the widest that a radio may have. ``value``: nats; ``bound``: no
    choice has more, of half the moves where ``budget`` is half, None = not proven; ``gap_ratio`` of the
    geometric mean of expected MHz, to what ``gap_to`` says, ``bound`` or ``best_known``. ``seconds``: of the
    processor. ``curve``: seconds and the value that ours has by then; empty = not measured."""

    site: str
    radios: int
    width_mhz: int
    solver: str
    budget: str
    value: float
    bound: float | None
    gap_ratio: float
    gap_to: str
    moves: int
    seconds: float
    band: str
    widths_mhz: tuple[int, ...]
    country: str
    seed: int
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def close_s(self) -> float | None:
        """Seconds after which ours was within 2 % of its own last value; None: not measured."""
        near = (
            seconds for seconds, by_then in self.curve if gap_ratio(by_then, self.value, self.radios) <= CLOSE
        )
        return next(near, None)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What one solver made of a site, its value in nats, its moves, and the seconds that it took."""

    solver: str
    choice: Choice
    value: float
    moves: int
    seconds: float


def rows(kind: Kind, effort: Effort) -> list[Row]:
    """What every solver reaches on this site, with every budget of moves."""
    site = made(kind)
    free = _timed(site, OURS, partial(ours, site.problem, None, effort.ours_s, kind.seed))
    most = free.moves
    half = _timed(site, OURS, partial(ours, site.problem, most // 2, effort.ours_s, kind.seed))
    with_all = [free, *_peers(site, None, free.seconds)]
    with_same = [free, *_peers(site, most, free.seconds, with_all)]
    with_half = [half, *_peers(site, most // 2, half.seconds)]
    of_all = _best(site, None, [*with_all, *with_same], effort)
    of_half = _best(
        site, most // 2, with_half, effort if effort.proof_of_half else replace(effort, proof_s=0.0)
    )
    curve = tuple(_curve(site, free)) if effort.curve else ()
    return [
        *(_row(site, FREE, each, of_all, curve) for each in with_all),
        *(_row(site, SAME, each, of_all) for each in with_same),
        *(_row(site, HALF, each, of_half) for each in with_half),
    ]


def ours(problem: Problem, most_moves: int | None, limit_s: float, seed: int) -> Choice:
    """The site plan's own search. ``limit_s``: of the processor."""
    until = time.process_time() + limit_s
    return improved(
        problem,
        started(problem),
        most_moves=most_moves,
        move_price=0.0,
        stop=lambda: time.process_time() >= until,
        seed=seed,
    )


def _peers(
    site: Made, most_moves: int | None, seconds: float, free: Sequence[Solution] = ()
) -> Iterator[Solution]:
    """The others with so many moves; as they did when they were ``free``, if they took no more of them."""
    seed = site.kind.seed
    work: dict[str, Callable[[], Choice]] = {"as installed": partial(started, site.problem)}
    work |= {name: partial(peer, site, most_moves, seed) for name, peer in PEERS.items()}
    work["annealing"] = partial(_annealed_for, site.problem, most_moves, seconds, seed)
    modest = {each.solver: each for each in free if most_moves is not None and each.moves <= most_moves}
    for name, each in work.items():
        yield modest.get(name) or _timed(site, name, each)


def _annealed_for(problem: Problem, most_moves: int | None, seconds: float, seed: int) -> Choice:
    """Annealing in so many sweeps as fit into the time, the pilot's own and a usual descent included."""
    begun = time.process_time()
    pilot = annealed(problem, most_moves=most_moves, sweeps=PILOT_SWEEPS, seed=seed)
    each = (time.process_time() - begun) / (PILOT_SWEEPS + DESCENT_SWEEPS)
    sweeps = int((seconds - (time.process_time() - begun)) / each) - DESCENT_SWEEPS
    if sweeps < 1:
        return pilot
    found = annealed(problem, most_moves=most_moves, sweeps=sweeps, seed=seed)
    return max(found, pilot, key=partial(value, problem))


def _timed(site: Made, solver: str, work: Callable[[], Choice]) -> Solution:
    begun = time.process_time()
    choice = work()
    return Solution(
        solver=solver,
        seconds=time.process_time() - begun,
        choice=choice,
        value=value(site.problem, choice),
        moves=len(moved(site.problem, choice)),
    )


class Best(NamedTuple):
    """The best value known, and what no choice exceeds; None: not proven closely enough."""

    value: float
    bound: float | None


def _best(site: Made, most_moves: int | None, found: Sequence[Solution], effort: Effort) -> Best:
    problem, seed = site.problem, site.kind.seed
    known, bound = max(found, key=lambda each: each.value), None
    if effort.long_s:
        search = partial(ours, problem, most_moves, effort.long_s, seed + 1000)
        anneal = partial(_annealed_for, problem, most_moves, effort.long_s, seed + 1000)
        longer = (_timed(site, OURS, search), _timed(site, "annealing", anneal))
        known = max(known, *longer, key=lambda each: each.value)
    best = known.value
    if effort.proof_s:
        proof = solved(problem, known.choice, most_moves=most_moves, limit_s=effort.proof_s)
        best, bound = max(best, value(problem, proof.choice)), proof.bound
    if bound is not None and gap_ratio(best, bound, site.kind.radios) > PROOF:
        bound = None
    return Best(best, bound)


def _curve(site: Made, last: Solution) -> Iterator[tuple[float, float]]:
    """What ours has after a part of its time, each part begun anew: nobody can look into a search."""
    problem, seed = site.problem, site.kind.seed
    for halving in range(HALVINGS, 0, -1):
        part = _timed(site, OURS, partial(ours, problem, None, last.seconds / 2**halving, seed))
        yield round(part.seconds, 4), part.value
    yield round(last.seconds, 4), last.value


def _row(
    site: Made, budget: str, found: Solution, best: Best, curve: tuple[tuple[float, float], ...] = ()
) -> Row:
    kind = site.kind
    aim = best.value if best.bound is None else best.bound
    return Row(
        site=kind.name,
        radios=kind.radios,
        width_mhz=kind.widths_mhz[-1],
        solver=found.solver,
        budget=budget,
        value=found.value,
        bound=best.bound,
        gap_ratio=gap_ratio(found.value, aim, kind.radios),
        gap_to="best_known" if best.bound is None else "bound",
        moves=found.moves,
        seconds=round(found.seconds, 4),
        band=kind.band,
        widths_mhz=kind.widths_mhz,
        country=kind.country,
        seed=kind.seed,
        curve=curve if found.solver == OURS else (),
    )
