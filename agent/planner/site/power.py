"""Power of a site's radios after their channels: up where coverage is missing, down where cells overlap.
Pure.

Each radio knows by itself what it needs and where it is too loud (`agent.planner.site.cells`). These bounds
do not move with the radio's own power, so that a radio goes one way only, and stops. What one radio by itself
can't see is the rule of the site:

  - of two neighbours only one is changed in one direction in one plan;
  - at most a third of a band's radios, at least one, in one direction in one plan;
  - when more than half of them lack coverage at once, nobody is raised: the site has too few APs, or its
    clients are all alike faint, and power would run up to the maximum everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from agent.planner import power as help_for_dead
from agent.planner.obss_pd import level
from agent.planner.site import spatial_reuse, staying
from agent.planner.site.cells import Cell, Levels, cells, heard_levels
from agent.planner.site.plan import Left, Wishes
from agent.planner.site.power_value import Others, rate_nats, repowered
from agent.planner.site.problem import Choice, Problem
from agent.planner.site.spatial_reuse import Reuse
from agent.view import SiteView
from drivers.types import Setting, Values
from inventory.model import RadioKey

SHARE: Final = 3
"""One in so many radios of a band may be changed in one direction in one plan."""

EVERYWHERE: Final = 2
"""More than one in so many radios of a band without coverage: no power mends that."""

MOST_HARM: Final = 0.1
"""Nats that a change of power may cost anybody: a tenth of what it expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerMove:
    """Power, OBSS-PD level, or both for one radio. ``by_db``: against the power of now. ``gain``: what the
    site would lose without it, nats, below 0 where coverage costs others something; ``own``: the radio's
    part of it by its clients' rate and its own deferral, weight left out."""

    radio: RadioKey
    target: Values
    by_db: int
    reasons: tuple[str, ...]
    gain: float
    own: float
    params: Mapping[str, int | str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPlan:
    """``moves``: coverage first; any of them without the others is a plan too."""

    moves: tuple[PowerMove, ...] = ()
    left: tuple[Left, ...] = ()


def planned_power(
    view: SiteView, problems: Sequence[Problem], choices: Sequence[Choice], wishes: Wishes
) -> PowerPlan:
    """Powers and levels for a site whose radios are on the chosen blocks. The same view gives the same plan;
    planned again on its own result it ends in a few rounds."""
    found = [_band(view, problem, choice, wishes) for problem, choice in zip(problems, choices, strict=True)]
    return PowerPlan(
        moves=tuple(move for each in found for move in each.moves),
        left=tuple(left for each in found for left in each.left),
    )


def with_powers(view: SiteView, problem: Problem, moves: Iterable[PowerMove]) -> Problem:
    """The band's problem when these moves are done."""
    done = {move.radio: move for move in moves}
    levels = heard_levels(view, problem.band)
    by_db = {key: move.by_db for key, move in done.items()}
    return repowered(problem, levels, by_db, {key: move.own for key, move in done.items()})


# -- what one radio asks for -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """``by_db``: against what the radio would have unplanned. ``urgency``: dB that are missing, or too
    many."""

    cell: Cell
    to_dbm: int
    reasons: tuple[str, ...]
    urgency: int = 0
    reuse: Reuse | None = None

    @property
    def by_db(self) -> int:
        return self.to_dbm - self.cell.power_dbm

    @property
    def way(self) -> str:
        """Asks of one way are rationed together."""
        if self.by_db:
            return "up" if self.by_db > 0 else "down"
        return "defers_less" if self.reuse and self.reuse.to_dbm > self.reuse.from_dbm else "defers_more"


def _band(view: SiteView, problem: Problem, choice: Choice, wishes: Wishes) -> PowerPlan:
    levels = heard_levels(view, problem.band)
    found = cells(view, problem, choice, levels)
    asks: list[_Ask] = []
    left: list[Left] = []
    for cell in found:
        ask = None if _held(view, cell, wishes) else _asked(view, cell, wishes)
        if isinstance(ask, Left):
            left.append(ask)
        elif ask is not None:
            asks.append(ask)
    most = max(1, len(found) // SHARE)
    hysteresis_db = view.site.policy.plan.power_hysteresis_db
    missing = [each for each in found if each.missing_db >= hysteresis_db]
    if len(missing) > max(1, len(found) // EVERYWHERE):
        left += [
            _left(each.cell, "coverage_missing_everywhere", radios=len(missing))
            for each in asks
            if each.way == "up"
        ]
        asks = [each for each in asks if each.way != "up"]
    chosen, not_now = _rationed(view, problem, choice, levels, asks, most)
    return PowerPlan(moves=_moves(problem, choice, levels, chosen), left=(*left, *not_now))


def _held(view: SiteView, cell: Cell, wishes: Wishes) -> bool:
    """Not the plan's to change, or helping a dead AP."""
    held = staying.why(view, cell.at, wishes.zone, settings=())
    return held is not None or bool(help_for_dead.lent(view, cell.key))


def _asked(view: SiteView, cell: Cell, wishes: Wishes) -> _Ask | Left | None:
    reuse = (
        spatial_reuse.planned(view, cell, wishes.least_gain, power=wishes.power) if wishes.obss_pd else None
    )
    most = reuse.most_dbm if reuse else spatial_reuse.most_dbm(level(cell.at))
    ask = _power_asked(view, cell, most) if wishes.power else None
    if reuse is None:
        return ask
    within = [dbm for dbm in cell.choices if dbm <= most]
    told = ask if isinstance(ask, _Ask) else _Ask(cell=cell, to_dbm=cell.power_dbm, reasons=())
    to_dbm = told.to_dbm if told.to_dbm <= most else max(within, default=told.to_dbm)
    return _Ask(
        cell=cell, to_dbm=to_dbm, reasons=(*told.reasons, reuse.reason), urgency=told.urgency, reuse=reuse
    )


def _power_asked(view: SiteView, cell: Cell, most: int) -> _Ask | Left | None:
    """``most``: what goes with its OBSS-PD level, dBm."""
    plan, now = view.site.policy.plan, cell.power_dbm
    if (missing := cell.missing_db) >= plan.power_hysteresis_db:
        top = min(now + plan.power_step_db, most)
        higher = [dbm for dbm in cell.choices if now + plan.power_hysteresis_db <= dbm <= top]
        enough = [dbm for dbm in higher if dbm >= now + missing]
        if not higher:
            return _left(cell, "power_at_its_limit", missing_db=missing)
        goal = min(enough) if enough else max(higher)
        return _Ask(cell=cell, to_dbm=goal, reasons=("coverage_missing",), urgency=missing)
    if cell.most_dbm is None or now - cell.most_dbm < plan.power_hysteresis_db:
        return None
    return _lower(view, cell)


def _lower(view: SiteView, cell: Cell) -> _Ask | Left | None:
    plan, now = view.site.policy.plan, cell.power_dbm
    over = now - (cell.most_dbm if cell.most_dbm is not None else now)
    if any(not view.radios[each.key].on_air for each in cell.listeners):
        return _left(cell, "neighbour_is_down", over_db=over)
    if now - cell.least_dbm < plan.power_hysteresis_db:
        return _left(cell, "coverage_would_suffer", over_db=over, least_dbm=cell.least_dbm)
    bound = max(now - over, cell.least_dbm, now - plan.power_step_db)
    lower = [dbm for dbm in cell.choices if bound <= dbm <= now - plan.power_hysteresis_db]
    if not lower:
        return _left(cell, "no_power_choice_within_a_step", over_db=over)
    return _Ask(cell=cell, to_dbm=min(lower), reasons=("cells_overlap",), urgency=over)


def _left(cell: Cell, reason: str, **params: int) -> Left:
    return Left(radio=cell.key, reason=reason, params={"power_dbm": cell.power_dbm, **params})


# -- the rule of the site ----------------------------------------------------------------------------------


def _rationed(
    view: SiteView, problem: Problem, choice: Choice, levels: Levels, asks: Sequence[_Ask], most: int
) -> tuple[list[_Ask], list[Left]]:
    """The most urgent first, ``most`` of each way, and no two neighbours of one way."""
    others, chosen, left = Others(problem, choice, levels), list[_Ask](), list[Left]()
    order = {"up": 0, "down": 1, "defers_more": 2, "defers_less": 3}
    for ask in sorted(asks, key=lambda each: (order[each.way], -each.urgency, each.cell.key)):
        by_db = ask.to_dbm - ask.cell.heard_dbm
        same = {each.cell.key for each in chosen if each.way == ask.way}
        if len(same) >= most:
            left.append(_left(ask.cell, "enough_of_them_in_one_plan"))
        elif any(_near(view, levels, ask.cell.key, other) for other in same):
            left.append(_left(ask.cell, "a_neighbour_first"))
        elif min(others.of(ask.cell.index, by_db).values(), default=0.0) < -MOST_HARM or (
            "cells_overlap" in ask.reasons and rate_nats(ask.cell.at, by_db) < -MOST_HARM
        ):
            left.append(_left(ask.cell, "others_would_lose"))
        else:
            chosen.append(ask)
            others.put(ask.cell.index, by_db)
    return chosen, left


def _near(view: SiteView, levels: Levels, a: RadioKey, b: RadioKey) -> bool:
    heard = [levels[pair].dbm for pair in ((a, b), (b, a)) if pair in levels]
    return bool(heard) and max(heard) >= view.site.policy.neighbour_dbm


# -- what is said of it ------------------------------------------------------------------------------------


def _moves(problem: Problem, choice: Choice, levels: Levels, chosen: Sequence[_Ask]) -> tuple[PowerMove, ...]:
    others = Others(problem, choice, levels)
    for ask in chosen:
        others.put(ask.cell.index, ask.to_dbm - ask.cell.heard_dbm)
    return tuple(_move(problem, others, ask) for ask in chosen)


def _move(problem: Problem, others: Others, ask: _Ask) -> PowerMove:
    cell, by_db = ask.cell, ask.to_dbm - ask.cell.heard_dbm
    own = rate_nats(cell.at, by_db + (ask.reuse.lost_db if ask.reuse else 0))
    own += ask.reuse.nats if ask.reuse else 0.0
    without = sum(others.of(cell.index, by_db, back=True).values())
    target = {Setting.TX_POWER_DBM: ask.to_dbm} if ask.by_db else {}
    target |= {Setting.OBSS_PD_DBM: ask.reuse.to_dbm} if ask.reuse else {}
    return PowerMove(
        radio=cell.key,
        target=target,
        by_db=by_db,
        reasons=ask.reasons,
        gain=problem.members[cell.index].weight * own - without,
        own=own,
        params=_params(ask),
    )


def _params(ask: _Ask) -> dict[str, int | str]:
    """What a person can check."""
    cell, reuse = ask.cell, ask.reuse
    told = {"need_dbm": cell.need_dbm, "least_dbm": cell.least_dbm, "most_dbm": cell.most_dbm}
    found: dict[str, int | str] = {"from_dbm": cell.power_dbm, "to_dbm": ask.to_dbm}
    found |= {name: dbm for name, dbm in told.items() if dbm is not None}
    if reuse is not None:
        found |= {"from_obss_pd_dbm": reuse.from_dbm, "to_obss_pd_dbm": reuse.to_dbm}
    return found
