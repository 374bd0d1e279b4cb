"""Power of a site's radios after their channels: up where coverage is missing, down where cells overlap.
Pure.

Each radio knows by itself what it needs and where it is too loud (`agent.planner.site.cells`). These bounds
do not move with the radio's own power, so that a radio goes one way only, and stops. What one radio by itself
can't see is the rule of the site: that is `agent.planner.site.ration`, and that nobody is raised when more
than half of a band's radios lack coverage at once. Then there are too few APs, or all clients are alike
faint, and power would run up to the maximum everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from agent.change import Cause
from agent.planner import guards
from agent.planner import power as help_for_dead
from agent.planner.obss_pd import level
from agent.planner.site import spatial_reuse, staying
from agent.planner.site.cells import Cell, cells, heard_levels
from agent.planner.site.plan import Left, Wishes
from agent.planner.site.power_value import Others, rate_nats, repowered
from agent.planner.site.problem import Choice, Problem
from agent.planner.site.ration import Ration
from agent.planner.site.spatial_reuse import Reuse
from agent.view import SiteView
from drivers.types import Setting, Values
from inventory.model import RadioKey

EVERYWHERE: Final = 2
"""More than one in so many radios of a band without coverage: no power mends that."""


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
    """``urgency``: dB that are missing, or too many."""

    cell: Cell
    to_dbm: int
    reasons: tuple[str, ...]
    urgency: int = 0
    reuse: Reuse | None = None

    @property
    def by_db(self) -> int:
        """Against the power of now."""
        return self.to_dbm - self.cell.heard_dbm

    @property
    def own(self) -> float:
        """What its own clients' rate and its own deferral win, nats."""
        if self.reuse is None:
            return rate_nats(self.cell.at, self.by_db)
        return rate_nats(self.cell.at, self.by_db + self.reuse.lost_db) + self.reuse.nats

    @property
    def target(self) -> dict[Setting, int]:
        found = {Setting.TX_POWER_DBM: self.to_dbm} if self.to_dbm != self.cell.power_dbm else {}
        return found | ({Setting.OBSS_PD_DBM: self.reuse.to_dbm} if self.reuse else {})

    @property
    def way(self) -> str:
        """Asks of one way are rationed together."""
        if self.to_dbm != self.cell.power_dbm:
            return "up" if self.to_dbm > self.cell.power_dbm else "down"
        return "defers_less" if self.reuse and self.reuse.to_dbm > self.reuse.from_dbm else "defers_more"


_ORDER: Final = {"up": 0, "down": 1, "defers_more": 2, "defers_less": 3}
"""Coverage first."""


def _band(view: SiteView, problem: Problem, choice: Choice, wishes: Wishes) -> PowerPlan:
    levels = heard_levels(view, problem.band)
    found = cells(view, problem, choice, levels)
    asks: list[_Ask] = []
    left: list[Left] = []
    for cell in found:
        if _held(view, cell, wishes):
            continue
        for said in _asked(view, cell, wishes):
            said = _unless_barred(view, said) if isinstance(said, _Ask) else said
            if isinstance(said, Left):
                left.append(said)
            else:
                asks.append(said)
    hysteresis_db = view.site.policy.plan.power_hysteresis_db
    missing = [each for each in found if each.missing_db >= hysteresis_db]
    if len(missing) > max(1, len(found) // EVERYWHERE):
        left += [
            _left(each.cell, "coverage_missing_everywhere", radios=len(missing))
            for each in asks
            if each.way == "up"
        ]
        asks = [each for each in asks if each.way != "up"]
    if not asks:
        return PowerPlan(left=tuple(left))
    others = Others(problem, choice, levels)
    chosen, not_now = _rationed(Ration(view, found, levels, others), problem, asks)
    return PowerPlan(moves=tuple(_move(problem, others, ask) for ask in chosen), left=(*left, *not_now))


def _held(view: SiteView, cell: Cell, wishes: Wishes) -> bool:
    """Not the plan's to change, or helping a dead AP."""
    held = staying.why(view, cell.at, wishes.zone, settings=())
    return held is not None or bool(help_for_dead.lent(view, cell.key))


def _unless_barred(view: SiteView, ask: _Ask) -> _Ask | Left:
    """What was rolled back lately, or a person said no to, is not asked for again so soon. What only the
    agent may not do again is left out when its plan is carried out."""
    proposal = guards.Proposal(view, ask.cell.key, ask.target, Cause.SITE_PLAN, by_person=True)
    veto = guards.GUARDS["barred"](proposal)
    return ask if veto is None else _left(ask.cell, veto.reason)


def _asked(view: SiteView, cell: Cell, wishes: Wishes) -> Iterator[_Ask | Left]:
    """One change at most; and why the power is left as it is, be the level another."""
    reuse = (
        spatial_reuse.planned(view, cell, wishes.least_gain, power=wishes.power) if wishes.obss_pd else None
    )
    most = reuse.most_dbm if reuse else spatial_reuse.most_dbm(level(cell.at))
    said = _power_asked(view, cell, most) if wishes.power else None
    if isinstance(said, Left):
        yield said
        said = None
    if reuse is not None:
        yield _with_level(cell, said, reuse, most)
    elif said is not None:
        yield said


def _with_level(cell: Cell, ask: _Ask | None, reuse: Reuse, most: int) -> _Ask:
    """``most``: what goes with the level, dBm."""
    told = ask or _Ask(cell=cell, to_dbm=cell.power_dbm, reasons=())
    within = [dbm for dbm in cell.choices if dbm <= most]
    to_dbm = told.to_dbm if told.to_dbm <= most else max(within, default=told.to_dbm)
    return replace(told, to_dbm=to_dbm, reasons=(*told.reasons, reuse.reason), reuse=reuse)


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


def _rationed(ration: Ration, problem: Problem, asks: Sequence[_Ask]) -> tuple[list[_Ask], list[Left]]:
    """The most urgent first; and who must wait."""
    chosen, left = list[_Ask](), list[Left]()
    for ask in sorted(asks, key=lambda each: (_ORDER[each.way], -each.urgency, each.cell.key)):
        own = problem.members[ask.cell.index].weight * ask.own if ask.way == "down" else 0.0
        why = ration.refusal(ask.cell, ask.way, ask.by_db, own)
        if why is None:
            ration.grant(ask.cell, ask.way, ask.by_db, own)
            chosen.append(ask)
        else:
            left.append(_left(ask.cell, why))
    return chosen, left


# -- what is said of it ------------------------------------------------------------------------------------


def _move(problem: Problem, others: Others, ask: _Ask) -> PowerMove:
    """``others``: when all that was chosen is done."""
    cell, own = ask.cell, ask.own
    without = sum(others.of(cell.index, ask.by_db, back=True).values())
    return PowerMove(
        radio=cell.key,
        target=ask.target,
        by_db=ask.by_db,
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
