"""OBSS-PD in a site plan: a step up where it pays, down again where it does not any more. Pure.

The formula, and what a level is worth, are those of `agent.planner.obss_pd`. Only where the driver says that
a written level acts at once, and on this radio alone: then it is the only one in the scope of the setting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from agent.planner.obss_pd import LEAST_DBM, gain, ignored, level, most_level_dbm, most_power_dbm
from agent.planner.site.cells import Cell
from agent.planner.spectrum import levels
from agent.planner.surroundings import Surroundings, around
from agent.view import RadioView, SiteView
from drivers.types import Setting

KEEPS: Final = 0.5
"""A level is kept while its last step brings this part of what a step up must bring: between the two nothing
is changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """Another level. ``nats``: what the radio itself wins by it, with ``lost_db`` less power; below 0 for a
    step down."""

    from_dbm: int
    to_dbm: int
    reason: str
    nats: float
    lost_db: int = 0

    @property
    def most_dbm(self) -> int:
        """The most power that goes with it."""
        return most_dbm(self.to_dbm)


def most_dbm(level_dbm: int) -> int:
    """The most power that goes with a level, dBm; as good as any where none is used."""
    return most_power_dbm(level_dbm) if level_dbm > LEAST_DBM else NO_LIMIT_DBM


NO_LIMIT_DBM: Final = 99


def settable(at: RadioView) -> bool:
    """Whether a level can be planned here: it acts at once, on this radio alone, and both it and the power
    are told."""
    able, reading = at.capabilities, at.reading
    if able is None or reading is None or reading.obss_pd_dbm is None or reading.tx_power_dbm is None:
        return False
    return able.obss_pd_acts and able.settings.get(Setting.OBSS_PD_DBM) == "radio"


def planned(view: SiteView, cell: Cell, least_gain: float, *, power: bool = True) -> Reuse | None:
    """Another level for one radio, None: it stays. ``least_gain``: relative gain that a step up must bring.
    ``power``: power is planned too; if not, no level is raised that would cost some.

    Coverage comes first: where clients need more power than the level leaves, it goes down by as much.
    """
    if not settable(cell.at):
        return None
    have, policy = level(cell.at), view.site.policy
    goal = min(have + policy.obss_pd_step_db, policy.obss_pd_most_dbm)
    if have <= LEAST_DBM and _at_most(view, cell, have, goal) < least_gain:
        return None  # as it is for most radios: the rest takes a look around
    here = around(view, cell.at)
    made_way = _made_way(here, cell, power=power)
    return made_way or _lowered(here, cell, least_gain) or _raised(here, cell, goal, least_gain, power=power)


def _at_most(view: SiteView, cell: Cell, have: int, goal: int) -> float:
    """What a step can gain at most."""
    return ignored(view, cell.at, cell.block, goal) - ignored(view, cell.at, cell.block, have)


def _made_way(here: Surroundings, cell: Cell, *, power: bool) -> Reuse | None:
    """Down to what goes with the power that the radio has, or that its clients need next."""
    have, plan = level(cell.at), here.view.site.policy.plan
    needed, reason = cell.power_dbm, "level_over_what_its_power_allows"
    if power and cell.missing_db >= plan.power_hysteresis_db and cell.choices:
        rise = min(cell.missing_db, plan.power_step_db, max(0, cell.choices[-1] - needed))
        needed, reason = needed + rise, "coverage_needs_the_power"
    goal = most_level_dbm(needed)
    if goal >= have:
        return None
    lost = math.log1p(gain(here, cell.block, goal, have, 0))
    return Reuse(from_dbm=have, to_dbm=goal, reason=reason, nats=-lost)


def _lowered(here: Surroundings, cell: Cell, least_gain: float) -> Reuse | None:
    """A step down where the step is not worth what it once was: the faint strangers are gone, say."""
    have = level(cell.at)
    goal = max(LEAST_DBM, have - here.view.site.policy.obss_pd_step_db)
    if goal >= have:
        return None
    won = gain(here, cell.block, goal, have, 0)
    if won >= least_gain * KEEPS:
        return None
    primary = levels(cell.block)[0][1]
    gone = not any(each.mask & primary for each in here.foreign)
    reason = "faint_bsss_are_gone" if gone else "level_no_longer_pays"
    return Reuse(from_dbm=have, to_dbm=goal, reason=reason, nats=-math.log1p(won))


def _raised(here: Surroundings, cell: Cell, goal: int, least_gain: float, *, power: bool) -> Reuse | None:
    """A step up, where it pays for the power that goes with it and the clients can do without that."""
    have, limit = level(cell.at), most_dbm(goal)
    if goal <= have or (cell.need_dbm is not None and cell.need_dbm > min(cell.power_dbm, limit)):
        return None
    lost_db, most_db = _given_up_db(cell, limit), here.view.site.policy.plan.power_step_db if power else 0
    if lost_db is None or lost_db > most_db:
        return None
    won = gain(here, cell.block, have, goal, lost_db)
    if won < least_gain:
        return None
    return Reuse(
        from_dbm=have,
        to_dbm=goal,
        reason="defer_less_to_faint_bsss",
        nats=math.log1p(won),
        lost_db=lost_db,
    )


def _given_up_db(cell: Cell, limit_dbm: int) -> int | None:
    """Power that a radio would give up for a level, dB; None: it must not, or can't be set so low."""
    if cell.power_dbm <= limit_dbm:
        return 0
    power = max((dbm for dbm in cell.choices if dbm <= limit_dbm), default=None)
    return None if power is None or power < cell.least_dbm else cell.power_dbm - power
