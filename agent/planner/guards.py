"""Guards: named rules that can veto a change. Pure; each says why, for the audit.

Radar jumps the guards of patience (cooldown, budgets, pause, flight, quiet hours), never those of law.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from agent.change import IN_FLIGHT, INCIDENTS, REJECTED, Cause, Change, State, agrees
from agent.planner import budget
from agent.planner.legal import Veto, cac_needed, listed, values_forbidden
from agent.planner.proposal import Proposal
from agent.view import CHANNEL_SETTINGS, block_in_values, reported
from drivers.types import Setting
from inventory.model import Mode, RadioKey, Site, ap_of, site_of
from inventory.windows import in_force

__all__ = [
    "DEEDS",
    "EVERYWHERE",
    "GUARDS",
    "PASSING",
    "PATIENCE",
    "Proposal",
    "deed_vetoes",
    "in_quiet_hours",
    "passes",
    "vetoes",
]

EVERYWHERE = "*"
"""The scope of a pause of all sites."""


Guard = Callable[[Proposal], Veto | None]


def vetoes(proposal: Proposal) -> list[Veto]:
    """Every guard's no, in the order of the table; empty = go. Radar is asked only the lawful ones."""
    asked = [guard for name, guard in GUARDS.items() if not (proposal.urgent and name in PATIENCE)]
    return [veto for guard in asked if (veto := guard(proposal))]


def passes(veto: Veto) -> bool:
    """Whether an objection may pass by itself, or by what a person says next."""
    return veto.guard in PASSING or veto.reason in ("observing_only", "observe")


def deed_vetoes(proposal: Proposal) -> list[Veto]:
    """The no of each guard that an action without an undo must ask, with what it leads to as the target."""
    asked = [*(GUARDS[name] for name in DEEDS), unasked]
    return [veto for guard in asked if (veto := guard(proposal))]


def unasked(p: Proposal) -> Veto | None:
    """An action can't be proposed and approved like a change: in advise mode it is not done."""
    if p.view.site.policy.mode is Mode.ADVISE:
        return Veto(guard="mode", reason="advise")
    return None


def mode(p: Proposal) -> Veto | None:
    why = p.view.hands_off if p.urgent else p.view.observing_only
    if why:
        return Veto(guard="mode", reason="observing_only", params={"why": why})
    if p.view.site.policy.mode is Mode.OBSERVE:
        return Veto(guard="mode", reason="observe")
    if p.urgent and p.view.site.policy.mode is Mode.DRY_RUN:  # a radio that is said to be off radar must be
        return Veto(guard="mode", reason="dry_run")
    return None


def paused(p: Proposal) -> Veto | None:
    """Nothing is begun. What a person takes back goes on: that is what a pause is often followed by."""
    scopes = scopes_of(p.key) & p.view.paused
    if not scopes or p.taken_back:
        return None
    return Veto(guard="pause", reason="paused", params={"scope": min(scopes, key=len)})


def scopes_of(key: RadioKey) -> frozenset[str]:
    """What can be paused to leave a radio alone."""
    return frozenset({EVERYWHERE, site_of(key), ap_of(key), key})


def maintenance(p: Proposal) -> Veto | None:
    """People are at work on the network: what the agent sees is their doing."""
    if p.asked_now:
        return None
    held = in_force(p.view.now.utc, p.view.site.timezone, p.view.site.policy.maintenance)
    return Veto(guard="maintenance", reason="people_at_work", params={"window": held.text}) if held else None


def change_hours(p: Proposal) -> Veto | None:
    """Routine changes in the site's hours for them only."""
    windows = p.view.site.policy.change_hours
    if not windows or p.asked_now or not p.patient:
        return None
    if in_force(p.view.now.utc, p.view.site.timezone, windows):
        return None
    return Veto(guard="change_hours", reason="outside_change_hours")


def rehearsed(p: Proposal) -> Veto | None:
    """In mode dry_run: what would have been sent is shown once in `bar_s`, and not in every pass."""
    if p.by_person or p.cause is Cause.OPERATOR:
        return None
    for change in p.mine():
        lately = p.age_us(change) < p.view.site.policy.bar_s * 1e6
        if p.is_rehearsal(change) and lately and p.place_of(change.target) == p.place:
            return Veto(guard="dry_run", reason="shown_lately", params={"change": change.id})
    return None


def pinned(p: Proposal) -> Veto | None:
    return Veto(guard="pinned", reason="pinned_in_the_site_file") if p.at.radio.pinned else None


def lawful(p: Proposal) -> Veto | None:
    return values_forbidden(p.view, p.at, p.target, p.at.block)


def allowed_list(p: Proposal) -> Veto | None:
    block = block_in_values(p.at.radio, p.target)
    if block is None or p.cause in INCIDENTS:
        return None
    return listed(p.view, p.at, block)


def country(p: Proposal) -> Veto | None:
    told = p.at.reading.country if p.at.reading else None
    if told is None or told.value == p.view.site.country:
        return None
    return Veto(guard="country", reason="country_mismatch", params={"device": told.value})


def uplink(p: Proposal) -> Veto | None:
    if p.at.reading and p.at.reading.uplink:
        return Veto(guard="uplink", reason="carries_a_mesh_or_wds_uplink")
    return None


def owner(p: Proposal) -> Veto | None:
    if p.at.reading and p.at.reading.managed_by:
        return Veto(guard="owner", reason="managed_by", params={"owner": p.at.reading.managed_by})
    return None


def stale(p: Proposal) -> Veto | None:
    reading = p.at.reading
    if reading is None:
        return Veto(guard="stale", reason="never_read")
    age_s = p.view.now.monotonic_s - reading.at_s
    if age_s > p.view.site.policy.stale_s:
        return Veto(guard="stale", reason="reading_too_old", params={"age_s": round(age_s)})
    return None


def can_set(p: Proposal) -> Veto | None:
    """What the device can set, on this radio alone: a setting of a band, a profile or the whole device would
    be written to radios that nobody asked about."""
    able = p.at.capabilities
    for setting in p.target:
        if able is not None and (scope := able.settings.get(setting, "radio")) != "radio":
            params = {"setting": setting, "scope": scope}
            return Veto(guard="capability", reason="scope_not_single_radio", params=params)
    missing = [s for s in p.target if able is None or s not in able.settings]
    if not missing or (missing == [Setting.CENTER_MHZ] and able and Setting.CHANNEL in able.settings):
        return _power_choice(p)
    return Veto(guard="capability", reason="device_cannot_set", params={"setting": missing[0]})


def _power_choice(p: Proposal) -> Veto | None:
    """Some radios know a few powers only. Back to the power from before is always asked for: it was there."""
    dbm = p.target.get(Setting.TX_POWER_DBM)
    choices = p.at.reading.power_choices_dbm if p.at.reading else None
    if dbm is None or choices is None or dbm in choices or p.cause is Cause.UNDO:
        return None
    nearest = {"nearest_dbm": min(choices, key=lambda each: abs(each - dbm))} if choices else {}
    return Veto(guard="capability", reason="power_not_a_choice", params={"dbm": dbm, **nearest})


def busy(p: Proposal) -> Veto | None:
    change = next((c for c in p.mine() if not c.final and c.state is not State.PROPOSED), None)
    return Veto(guard="open_change", reason="open_change", params={"change": change.id}) if change else None


def neighbours(p: Proposal) -> Veto | None:
    near = p.view.neighbours(p.key)
    for change in p.others:
        if change.state in IN_FLIGHT and near & set(change.radios):
            return Veto(guard="neighbours", reason="neighbour_in_flight", params={"change": change.id})
    return None


def in_flight(p: Proposal) -> Veto | None:
    up, limit = flying(p), in_flight_limit(p.view.site)
    if len(up) < limit or ap_of(p.key) in up:
        return None
    return Veto(guard="in_flight", reason="too_many_in_flight", params={"limit": limit})


def barred(p: Proposal) -> Veto | None:
    """A target that was rolled back, or that a person said no to, is barred on that radio for `bar_s`; a
    person may insist. One that a person took back is barred for the agent alone."""
    if p.cause in (Cause.OPERATOR, Cause.UNDO):
        return None
    for change in p.mine():
        lately = p.age_us(change) < p.view.site.policy.bar_s * 1e6
        why = _BARRING.get(change.state if change.state is State.ROLLED_BACK else change.verdict)
        if why and lately and p.place_of(change.target) == p.place:
            return Veto(guard="barred", reason=why, params={"change": change.id})
    return None if p.by_person else _undone_by_person(p)


def _undone_by_person(p: Proposal) -> Veto | None:
    """What a person took back the agent does not do again for `bar_s`, as long as the undo stands."""
    undos = [c for c in p.mine() if c.undo_of and c.by_person and _is_in_force(p, c)]
    taken_back = {c.undo_of for c in undos}
    for undo in undos:
        lately = p.age_us(undo) < p.view.site.policy.bar_s * 1e6
        if lately and undo.id not in taken_back and p.place in _left_by(p, undo):
            return Veto(guard="barred", reason="undone_lately", params={"change": undo.id})
    return None


def _is_in_force(p: Proposal, undo: Change) -> bool:
    """Kept, on its way, or never proven and there all the same."""
    if undo.state is State.COMMITTED or not undo.final:
        return True
    reading = p.at.reading
    there = reading is not None and agrees(undo.target, reported(reading))
    return undo.state is State.ROLLED_BACK and there


def _left_by(p: Proposal, undo: Change) -> list[object]:
    """Where the radio was before the undo, and where the change had put it that was taken back."""
    undone = next((c for c in p.mine() if c.id == undo.undo_of), None)
    target = {s: v for s, v in undone.target.items() if s in undo.target} if undone else {}
    return [p.place_of(values) for values in (undo.prior, target) if values]


_BARRING: Mapping[State | str | None, str] = {
    State.ROLLED_BACK: "rolled_back_lately",
    REJECTED: "rejected_lately",
}


def site_loss(p: Proposal) -> Veto | None:
    """Many APs lost together: something bigger is wrong, hands off. If it is the changes that are wrong, a
    person takes them back."""
    if p.taken_back:
        return None
    lost = {ap_of(k) for k, v in p.view.radios.items() if v.capabilities and v.reading is None}
    detect = p.view.site.policy.detect
    if len(lost) < detect.loss_aps or len(lost) < detect.loss_ratio * len(p.view.site.aps):
        return None
    return Veto(guard="site_loss", reason="many_aps_lost", params={"aps": len(lost)})


def flying(p: Proposal) -> set[str]:
    """APs with a change in flight; radar's are not counted."""
    up = [c for c in p.others if c.state in IN_FLIGHT and c.cause is not Cause.DFS_RADAR]
    return {ap_of(key) for change in up for key in change.radios}


def in_flight_limit(site: Site) -> int:
    return max(1, int(len(site.aps) * site.policy.max_inflight_ratio))


def same(p: Proposal) -> Veto | None:
    block = block_in_values(p.at.radio, p.target)
    power = p.target.get(Setting.TX_POWER_DBM)
    now = p.at.reading.tx_power_dbm if p.at.reading else None
    more = set(p.target) - {*CHANNEL_SETTINGS, Setting.TX_POWER_DBM}
    if (
        block is None
        or block != p.at.block
        or more
        or (power is not None and now and int(now.value) != power)
    ):
        return None
    return Veto(guard="same", reason="already_there")


def quiet_hours(p: Proposal) -> Veto | None:
    """A routine move that begins with a CAC costs clients a minute: only in the site's quiet hours."""
    hours, block = p.view.site.policy.quiet_hours, block_in_values(p.at.radio, p.target)
    if not hours or block is None or p.cause in INCIDENTS or p.cause is Cause.OPERATOR:
        return None
    if not cac_needed(p.view, p.at, block) or in_quiet_hours(p.view.now.utc, p.view.site.timezone, hours):
        return None
    return Veto(guard="quiet_hours", reason="cac_outside_quiet_hours")


def in_quiet_hours(now: datetime, zone: str, hours: tuple[tuple[int, int], ...]) -> bool:
    """Whether a local time of day lies in one of the spans (minutes of the day; may cross midnight)."""
    local = now.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return any(a <= minute < b if a <= b else minute >= a or minute < b for a, b in hours)


GUARDS: Mapping[str, Guard] = {
    "mode": mode,
    "pause": paused,
    "maintenance": maintenance,
    "pinned": pinned,
    "stale": stale,
    "capability": can_set,
    "regulatory": lawful,
    "allowed_list": allowed_list,
    "country": country,
    "uplink": uplink,
    "owner": owner,
    "same": same,
    "open_change": busy,
    "neighbours": neighbours,
    "in_flight": in_flight,
    "cooldown": budget.cooldown,
    "quiet_hours": quiet_hours,
    "change_hours": change_hours,
    "routine_interval": budget.routine_interval,
    "routine_budget": budget.routine_budget,
    "incident_budget": budget.incident_budget,
    "barred": barred,
    "dry_run": rehearsed,
    "site_loss": site_loss,
}

DEEDS = (
    "mode",
    "pause",
    "maintenance",
    "stale",
    "regulatory",
    "country",
    "uplink",
    "owner",
    "open_change",
    "site_loss",
)
"""Guards that are asked before an action without an undo."""

PASSING: Final = frozenset(
    {
        "pause",
        "maintenance",
        "stale",
        "open_change",
        "neighbours",
        "in_flight",
        "cooldown",
        "quiet_hours",
        "change_hours",
        "routine_interval",
        "routine_budget",
        "site_loss",
    }
)
"""Guards whose objection passes by itself."""

PATIENCE = frozenset(
    {
        "pause",
        "maintenance",
        "change_hours",
        "pinned",
        "stale",
        "allowed_list",
        "neighbours",
        "in_flight",
        "cooldown",
        "routine_interval",
        "incident_budget",
        "barred",
        "site_loss",
        "same",
        "quiet_hours",
        "routine_budget",
    }
)
"""Guards that radar does not wait for. In observe mode nothing is written, radar or not."""
