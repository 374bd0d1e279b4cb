"""How often may be changed what: the guards that count, and what they leave. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.change import INCIDENTS, REHEARSED, Cause, Change
from agent.moment import DAY_US, WEEK_US
from agent.planner.legal import Veto
from agent.planner.proposal import Proposal, routine
from inventory.model import Site, ap_of


def cooldown(p: Proposal) -> Veto | None:
    if p.taken_back:
        return None  # or what the person was told is begun would fail when it is looked at once more
    # One in the future: the wall clock was set back since, and seconds of patience must not become hours.
    age_s = _last_change_age_s(p, lambda c: c.created_utc_us <= p.view.now.utc_us)
    if age_s is None or age_s >= p.view.site.policy.cooldown_s:
        return None
    return Veto(guard="cooldown", reason="cooldown", params={"age_s": round(age_s)})


def routine_interval(p: Proposal) -> Veto | None:
    """One routine change of an AP in so long. Leaving a jammed channel has a limit of its own."""
    if not p.patient or not p.budgeted:
        return None
    age_s = routine_age_s(p)
    if age_s is None or age_s >= p.view.site.policy.routine_interval_s:
        return None
    return Veto(guard="routine_interval", reason="changed_lately", params={"age_s": round(age_s)})


def routine_budget(p: Proposal) -> Veto | None:
    """All APs of the site together: so many routine changes per AP and week."""
    if not p.budgeted:
        return None
    made, limit = len(week(p)), routine_limit(p.view.site)
    if made < limit:
        return None
    return Veto(guard="routine_budget", reason="budget_spent", params={"week": made, "limit": limit})


def week(p: Proposal) -> list[Change]:
    """Routine changes of the site in the last 7 days, and those by which the agent took one back: clients
    notice both."""
    known = {c.id: c for c in p.view.changes}
    return [c for c in p.others if _chosen(c, known) and p.counts(c) and p.age_us(c) < WEEK_US]


def _chosen(change: Change, known: Mapping[str, Change]) -> bool:
    undone = known.get(change.undo_of or "")
    by_agent = change.cause is Cause.UNDO and change.actor.type == "agent"
    return _routine(change) or (by_agent and undone is not None and _routine(undone))


def routine_age_s(p: Proposal) -> float | None:
    """Seconds since the AP's last routine change; None: never."""
    return _last_change_age_s(p, _routine)


def routine_limit(site: Site) -> int:
    """Routine changes of a site in 7 days: at least one, unless the policy says 0."""
    per_ap = site.policy.routine_per_ap_week
    return max(1, int(per_ap * len(site.aps))) if per_ap else 0


def _routine(change: Change) -> bool:
    return routine(change.cause, by_person=change.actor.type == "operator")


def incident_budget(p: Proposal) -> Veto | None:
    """So many a day, and after each one a wait that doubles."""
    if p.cause not in INCIDENTS or p.cause is Cause.UNDO:
        return None
    ages = lately(p)
    if len(ages) >= p.view.site.policy.incident_per_radio_day:
        return Veto(guard="incident_budget", reason="budget_spent", params={"today": len(ages)})
    wait_us = p.view.site.policy.incident_backoff_s * 1e6 * 2 ** (len(ages) - 1)
    if ages and min(ages) < wait_us:
        return Veto(guard="incident_budget", reason="waiting", params={"wait_s": round(wait_us / 1e6)})
    return None


def lately(p: Proposal) -> list[int]:
    """Ages in µs of the radio's changes of the last 24 h for the same cause."""
    mine = [c for c in p.mine() if c.cause is p.cause and (c.verdict != REHEARSED or p.is_rehearsal(c))]
    return [p.age_us(c) for c in mine if p.age_us(c) < DAY_US]


def _last_change_age_s(p: Proposal, wanted: Callable[[Change], bool]) -> float | None:
    """Seconds since the AP was last touched by such a change; None: never."""
    ap = ap_of(p.key)
    ages = [
        p.age_us(c) / 1e6
        for c in p.others
        if wanted(c) and any(ap_of(k) == ap for k in c.radios) and p.counts(c)
    ]
    return min(ages, default=None)
