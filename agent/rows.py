"""Rows of what the control socket answers. Shapes: `agent.api.answers`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.alert import ESCALATED, Alert
from agent.campaign_record import Campaign
from agent.change import Change
from agent.drill import Injected
from agent.events import Event
from agent.moment import Moment, iso
from agent.planner.allowance import Allowance, SiteAllowance
from agent.planner.channel import Candidate
from agent.planner.decision import Answer, Deed, Move, NoChange, TakeBack
from agent.store.rows import Pause
from agent.undo_record import Row
from drivers.types import ActionRequest
from inventory.channels import channel_of
from inventory.model import Site


def channel(mhz: int) -> int | None:
    try:
        return channel_of(mhz)[1]
    except ValueError:
        return None


def change_row(change: Change, now: Moment, token: str | None) -> dict[str, Any]:
    return {
        "id": change.id,
        "utc": iso(change.created_utc_us),
        "site": change.site,
        "radios": list(change.radios),
        "from": {str(k): v for k, v in change.prior.items()},
        "to": {str(k): v for k, v in change.target.items()},
        "cause": str(change.cause),
        "state": str(change.state),
        "verdict": change.verdict,
        "left_s": None if change.final else round(change.deadline.left_s(now), 1),
        "drill": change.drill,
        "actor": {"type": change.actor.type, "uid": change.actor.uid, "name": change.actor.name},
        "token": token,
        "undo_of": change.undo_of,
    }


def event_row(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "utc": iso(event.raised_utc_us),
        "site": event.site,
        "kind": str(event.kind),
        "key": event.key,
        "radio": event.radio,
        "severity": event.severity,
        "confidence_ppm": event.confidence_ppm,
        "cleared_utc": iso(event.cleared_utc_us) if event.cleared_utc_us else None,
        "drill": event.drill,
        "evidence": dict(event.evidence),
    }


def alert_row(alert: Alert) -> dict[str, Any]:
    return {
        "utc": iso(alert.utc_us),
        "site": alert.site,
        "radio": alert.radio,
        "text": alert.text,
        "change_id": alert.change_id,
    }


def escalated_row(change: Change) -> dict[str, Any]:
    return {
        "utc": iso(change.created_utc_us),
        "site": change.site,
        "radio": change.radios[0],
        "text": ESCALATED,
        "change_id": change.id,
    }


def decision_row(done: Injected) -> dict[str, Any]:
    row = answer_row(done.decision)
    if done.note:
        row["params"]["note"] = done.note
    return row | {
        "effects": None
        if done.effects is None
        else {
            "commands": list(done.effects.commands),
            "outage": str(done.effects.outage),
            "silent_s": done.effects.silent_s,
            "readback": str(done.effects.readback),
            "persists": done.effects.persists,
        }
    }


def answer_row(answer: Answer) -> dict[str, Any]:
    target = answer.target if isinstance(answer, (Move, NoChange)) else None
    candidates = answer.candidates if isinstance(answer, (Move, NoChange)) else ()
    return {
        "action": _action(answer),
        "radio": answer.radio,
        "reason": answer.reason,
        "params": dict(answer.params),
        "edit": {str(k): v for k, v in target.items()} if target else None,
        "effects": None,
        "candidates": [_candidate_row(each) for each in candidates],
        "vetoes": [{"guard": veto.guard, "reason": veto.reason} for veto in answer.vetoes]
        if isinstance(answer, NoChange)
        else [],
    }


def _action(answer: Answer) -> str:
    match answer:
        case Move():
            return "change"
        case TakeBack():
            return "take_back"
        case Deed(request=None):
            return "alert"
        case Deed(request=ActionRequest() as request):
            return str(request.action)
    return "none"


def site_budget(site: Site, left: SiteAllowance) -> dict[str, Any]:
    return {
        "id": site.id,
        "mode": str(site.policy.mode),
        "week": left.week,
        "week_most": left.week_most,
        "in_flight": left.in_flight,
        "in_flight_most": left.in_flight_most,
    }


def radio_budget(site: Site, left: Allowance) -> dict[str, Any]:
    return {
        "radio": left.radio,
        "routine_wait_s": round(left.routine_wait_s, 1),
        "incidents_today": {str(cause): number for cause, number in left.incidents_today.items()},
        "incident_most": site.policy.incident_per_radio_day,
        "against": [f"{veto.guard}: {veto.reason}" for veto in left.against],
    }


def undo_row(row: Row) -> dict[str, Any]:
    return {
        "radio": row.radio,
        "changes": list(row.changes),
        "to": dict(row.to),
        "state": row.state,
        "why": row.why,
        "undo": row.undo,
    }


def campaign_row(each: Campaign) -> dict[str, Any]:
    return {
        "id": each.id,
        "site": each.site,
        "utc": iso(each.begun_utc_us),
        "actor": each.actor.name,
        "step": each.steps,
        "steps": each.steps + each.steps_left,
        "moves": len(each.moves),
        "counts": each.counts(),
        "stopped": each.stopped,
        "waits_for": each.waits_for,
    }


def pause_row(pause: Pause) -> dict[str, Any]:
    return {
        "scope": pause.scope,
        "since_utc": iso(pause.since_utc_us),
        "until_utc": None if pause.until is None else iso(pause.until.utc_us),
        "actor": pause.actor.name,
    }


def _candidate_row(each: Candidate) -> dict[str, Any]:
    return {
        "channel": each.block.primary,
        "width_mhz": each.block.width_mhz,
        "score_ppm": round(each.score * 1e6),
        "terms": dict(each.terms),
    }


def effect(records: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """What the monitor measured: the parameters of its last verdict."""
    said = [
        r["reason"]["params"]
        for r in records
        if r.get("kind") == "transition" and "code" in r["reason"]["params"]
    ]
    return dict(said[-1]) if said else None
