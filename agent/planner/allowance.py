"""What the budgets leave, and why a radio would not be changed now. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.change import INCIDENTS, Cause
from agent.planner import budget, guards
from agent.planner.legal import Veto
from agent.planner.proposal import Proposal
from agent.view import SiteView
from inventory.model import RadioKey

ASKED: Final = (
    "mode",
    "pause",
    "maintenance",
    "pinned",
    "stale",
    "country",
    "uplink",
    "owner",
    "open_change",
    "neighbours",
    "in_flight",
    "cooldown",
    "change_hours",
    "routine_interval",
    "routine_budget",
    "site_loss",
)
"""Guards that object to a routine change wherever it leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left to one radio. ``routine_wait_s``: until its AP may have a routine change again, 0 = now.
    ``incidents_today``: changes of the last 24 h for each kind of incident. ``against``: what objects to a
    routine change now."""

    radio: RadioKey
    routine_wait_s: float
    incidents_today: Mapping[Cause, int]
    against: tuple[Veto, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAllowance:
    """What is left to a site: routine changes of the last 7 days, APs with a change in flight, and the most
    of each."""

    week: int
    week_most: int
    in_flight: int
    in_flight_most: int
    radios: tuple[Allowance, ...]


def allowance(view: SiteView) -> SiteAllowance:
    any_one = next(iter(view.site.radios), None)
    routine = Proposal(view, any_one, {}, Cause.SPECTRUM_SAT) if any_one else None
    return SiteAllowance(
        week=len(budget.week(routine)) if routine else 0,
        week_most=budget.routine_limit(view.site),
        in_flight=len(guards.flying(routine)) if routine else 0,
        in_flight_most=guards.in_flight_limit(view.site),
        radios=tuple(_of(view, key) for key in view.site.radios),
    )


def _of(view: SiteView, key: RadioKey) -> Allowance:
    p = Proposal(view, key, {}, Cause.SPECTRUM_SAT)
    age_s, every_s = budget.routine_age_s(p), view.site.policy.routine_interval_s
    incidents = {
        cause: len(budget.lately(Proposal(view, key, {}, cause))) for cause in INCIDENTS - {Cause.UNDO}
    }
    found = [guards.GUARDS[name](p) for name in ASKED]
    return Allowance(
        radio=key,
        routine_wait_s=0.0 if age_s is None else max(0.0, every_s - age_s),
        incidents_today={cause: number for cause, number in incidents.items() if number},
        against=tuple(veto for veto in found if veto is not None),
    )
