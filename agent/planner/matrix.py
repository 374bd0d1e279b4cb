"""Event -> what is done about it (docs/decisions.md). Pure: the same event and view give the same answers.

For each kind the first possible of its actions wins; when none is, each of them says why not. Alerts come on
top where the kind asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from agent.change import LIVE, Cause, Change, State
from agent.events import Event, EventKind
from agent.moment import Deadline
from agent.planner import guards, obss_pd, power, steer, width
from agent.planner.belief import believed
from agent.planner.channel import Candidate
from agent.planner.decision import Answer, Decision, Deed, Move, NoChange, TakeBack
from agent.planner.moving import escape, guarded, leave, requested
from agent.view import SiteView, shows
from drivers.types import Action, ActionRequest, RadioState, ScopeRef, Setting
from inventory.model import RadioKey

__all__ = ["answer", "escape", "leave", "over", "requested"]

Attempt = Callable[[], Decision]

PROVEN_PPM = 800_000
"""Confidence below which a failure or an attack is only told: what anyone on the network can say must not
restart a radio, nor drive it from its channel."""


def answer(view: SiteView, event: Event) -> tuple[Answer, ...]:
    """What is done about an open event, in this order; `NoChange` for all that was considered and is not."""
    return _ANSWERS[event.kind](believed(view, event), event)


def over(view: SiteView, event: Event) -> tuple[Answer, ...]:
    """What is given back when an event has cleared; ask again, after each of them is done, until nothing is
    left. A proposal that nobody has approved yet has lost its reason."""
    if event.kind is EventKind.HW_FAILURE:
        return power.given_back(view, event.id)
    return tuple(
        TakeBack(radio=change.radios[0], change_id=change.id, reason="event_is_over")
        for change in view.changes
        if change.event_id == event.id and change.state is State.PROPOSED
    )


# -- each kind ---------------------------------------------------------------------------------------------


def _radar(view: SiteView, event: Event) -> tuple[Answer, ...]:
    """Radar has a path of its own, second by second (`agent/radar.py`); this is where it would lead."""
    if event.radio is None:
        return (_nothing(event, "radar_bars_channels_only"),)
    return (escape(view, event.radio),)


def _burst(view: SiteView, event: Event) -> tuple[Answer, ...]:
    key = event.radio
    if key is None:
        return (_nothing(event, "no_radio_named"),)
    if event.confidence_ppm < view.site.policy.detect.burst_confidence * 1e6:
        none = _nothing(event, "low_confidence", confidence_ppm=event.confidence_ppm)
        return (_alert(event, "Interference that may be Wi-Fi"), none) if _severe(event) else (none,)
    decision = leave(view, key, Cause.NON_WIFI_BURST)
    if _all_hit(view, key, decision.candidates):
        return (NoChange(radio=key, reason="all_candidates_hit", candidates=decision.candidates),)
    return (decision,)


def _all_hit(view: SiteView, key: RadioKey, candidates: Sequence[Candidate]) -> bool:
    """Whether the same sort of thing was measured wherever the radio could go."""
    here = view.radios[key].block
    low = view.site.policy.detect.burst_low_duty * 1e6
    seen = [c for c in candidates if c.evidence and not (here and c.block.mhz20 & here.mhz20)]
    return bool(seen) and all(c.terms["non_wifi_ppm"] >= low for c in seen)


def _saturation(view: SiteView, event: Event) -> tuple[Answer, ...]:
    key = event.radio
    if key is None:
        return (_nothing(event, "no_radio_named"),)
    return _relieved(view, key, event, Cause.SPECTRUM_SAT)


def _relieved(view: SiteView, key: RadioKey, event: Event, cause: Cause) -> tuple[Answer, ...]:
    """Own load: tell, and steer. Others' load: another channel, a narrower one, OBSS-PD."""
    detect = view.site.policy.detect
    told: list[Answer] = []
    refused: list[Answer] = []
    if _ratio(event, "own_ppm") >= detect.sat_own:
        told.append(_alert(event, "Its own load fills the channel"))
        hint = steer.steered(view, key)
        if isinstance(hint, Deed):
            return (*told, hint)
        refused.append(hint)
    attempts: list[Attempt] = []
    if _ratio(event, "foreign_ppm") >= detect.sat_foreign:
        attempts.append(lambda: leave(view, key, cause))
    attempts.append(lambda: _guarded_if(view, width.narrower(view, key, cause)))
    attempts.append(lambda: _guarded_if(view, obss_pd.raised(view, key, cause)))
    return (*told, *_first(attempts, refused))


def _crowd(view: SiteView, event: Event) -> tuple[Answer, ...]:
    key = event.radio
    if key is None:
        return (_nothing(event, "no_radio_named"),)
    hint = steer.steered(view, key)
    if isinstance(hint, Deed):
        return (hint,)
    policy = view.site.policy
    if not policy.quiet_hours:
        return (hint, _nothing(event, "site_names_no_quiet_hours"))
    if not guards.in_quiet_hours(view.now.utc, view.site.timezone, policy.quiet_hours):
        return (hint, _nothing(event, "only_in_quiet_hours"))
    cause = Cause.DENSITY_SPIKE
    return _first(
        [
            lambda: _guarded_if(view, width.narrower(view, key, cause)),
            lambda: leave(view, key, cause),
        ],
        [hint],
    )


def _failure(view: SiteView, event: Event) -> tuple[Answer, ...]:
    what = str(event.evidence.get("what", ""))
    key = event.radio
    if what == "site_loss" or key is None:
        return (_alert(event, "Many APs of the site are lost together"), _nothing(event, "hands_off"))
    if what == "unreachable":
        return (_alert(event, "The AP can't be reached"), _nothing(event, "unreachable_is_not_dead"))
    alert = _alert(event, f"Hardware failure: {what}")
    if event.confidence_ppm < PROVEN_PPM:
        return (alert, _nothing(event, "low_confidence", confidence_ppm=event.confidence_ppm))
    return (alert, *(_covered(view, event, key) if what == "dead" else (_restarted(view, key),)))


def _restarted(view: SiteView, key: RadioKey) -> Deed | NoChange:
    """Switch the radio off and on, once per `restart_interval_s`."""
    at, every_s = view.radios[key], view.site.policy.detect.restart_interval_s
    if at.reading is None:
        return NoChange(radio=key, reason="device_does_not_answer")
    if at.reading.state in (RadioState.NOP, RadioState.CAC):
        return NoChange(radio=key, reason="silent_because_of_radar_rules")
    if at.capabilities is None or Action.RESTART not in at.capabilities.actions:
        return NoChange(radio=key, reason="device_cannot_restart_a_radio")
    age_s = view.deeds.get((key, Action.RESTART))
    if age_s is not None and age_s < every_s:
        return NoChange(radio=key, reason="restarted_lately", params={"age_s": round(age_s)})
    on = {Setting.ENABLED: 1}
    if found := guards.deed_vetoes(guards.Proposal(view, key, on, Cause.HW_FAILURE)):
        params: dict[str, int | str] = {"guard": found[0].guard, "why": found[0].reason}
        return NoChange(radio=key, reason="vetoed", target=on, params=params, vetoes=tuple(found))
    request = ActionRequest(action=Action.RESTART, radio=key)
    return Deed(radio=key, reason="restart_radio", request=request)


def _covered(view: SiteView, event: Event, dead: RadioKey) -> tuple[Answer, ...]:
    """Neighbours of a dead AP raise their power, one step each; those that hear each other not at once."""
    near = power.helpers(view, dead)
    if len(near) < view.site.policy.detect.deaf_neighbours:
        return (_nothing(event, "too_few_neighbours_heard_it", heard_by=len(near)),)
    found: list[Answer] = []
    for key in near:
        decision = _guarded_if(view, power.raised(view, key))
        found.append(decision)
        if isinstance(decision, Move):
            view = assumed(view, decision)
    return tuple(found)


def _security(view: SiteView, event: Event) -> tuple[Answer, ...]:
    """Tell; leave a jammed channel, seldom. Nothing is ever done to others' devices."""
    what = str(event.evidence.get("what", ""))
    alert = _alert(event, f"Security: {what}")
    if what != "jamming" or event.radio is None:
        return (alert,)
    if event.confidence_ppm < PROVEN_PPM:
        return (alert, _nothing(event, "low_confidence", confidence_ppm=event.confidence_ppm))
    wait_us = view.site.policy.detect.jam_interval_s * 1e6
    for change in view.changes:
        mine = change.cause is Cause.SECURITY and event.radio in change.radios
        if mine and abs(view.age_us(change)) < wait_us:  # a clock set far back
            return (alert, _nothing(event, "left_a_jammed_channel_lately", change=change.id))
    return (alert, leave(view, event.radio, Cause.SECURITY, least_gain=-1.0))


def _bad_experience(view: SiteView, event: Event) -> tuple[Answer, ...]:
    """What was changed on the radio just before is taken back; else it is treated as saturated."""
    key = event.radio
    if key is None:
        return (_nothing(event, "no_radio_named"),)
    suspect = _suspect(view, key)
    if suspect is None:
        return _relieved(view, key, event, Cause.EMERGENCY_QOE)
    if suspect.state is State.ROLLING_BACK:
        return (_nothing(event, "being_taken_back", change=suspect.id),)
    return (TakeBack(radio=key, change_id=suspect.id, reason="bad_experience_after_it"),)


def _suspect(view: SiteView, key: RadioKey) -> Change | None:
    """The open change of the radio, or the last one if it is young and in force still; neither an undo nor a
    flight from radar."""
    young_us = view.site.policy.detect.qoe_undo_s * 1e6
    for change in sorted(view.changes, key=lambda c: c.order, reverse=True):
        if key not in change.radios or change.state not in _DONE:
            continue
        young = view.now.utc_us - change.created_utc_us < young_us
        to_blame = change.state is not State.COMMITTED or (young and _is_in_force(view, key, change))
        undoable = change.undo_of is None and change.cause not in (Cause.UNDO, Cause.DFS_RADAR)
        return change if undoable and to_blame else None
    return None


def _is_in_force(view: SiteView, key: RadioKey, change: Change) -> bool:
    """Whether the radio still is as this change left it, for all that it tells: somebody may have set it
    since."""
    reading = view.radios[key].reading
    return reading is None or shows(reading, change.target)


_DONE = (LIVE | {State.COMMITTED}) - {State.PROPOSED, State.PLANNED}
"""States of a change that is, or may be, in force."""

_ANSWERS: Mapping[EventKind, Callable[[SiteView, Event], tuple[Answer, ...]]] = {
    EventKind.DFS_RADAR: _radar,
    EventKind.NON_WIFI_BURST: _burst,
    EventKind.SPECTRUM_SAT: _saturation,
    EventKind.DENSITY_SPIKE: _crowd,
    EventKind.HW_FAILURE: _failure,
    EventKind.SECURITY: _security,
    EventKind.EMERGENCY_QOE: _bad_experience,
}


# -- common ------------------------------------------------------------------------------------------------


def assumed(view: SiteView, move: Move) -> SiteView:
    """The site as if this move were in flight already: what the next decision must reckon with."""
    change = Change(
        id="decided_just_now",
        site=view.site.id,
        device=view.radios[move.radio].device,
        scope=ScopeRef(kind="radio", name=move.radio, members=(move.radio,)),
        target=move.target,
        prior={},
        cause=move.cause,
        state=State.APPLYING,
        deadline=Deadline.after(view.now, 0.0),
        created_utc_us=view.now.utc_us,
        nth=1 + max((each.nth for each in view.changes), default=0),
    )
    return replace(view, changes=(change, *view.changes))


def _first(attempts: Sequence[Attempt], refused: Sequence[Answer] = ()) -> tuple[Answer, ...]:
    """The first attempt that is a move; when there is none, why each of them is not."""
    said = list(refused)
    for attempt in attempts:
        decision = attempt()
        if isinstance(decision, Move):
            return (decision,)
        said.append(decision)
    return tuple(said)


def _guarded_if(view: SiteView, decision: Decision) -> Decision:
    return guarded(view, decision) if isinstance(decision, Move) else decision


def _alert(event: Event, text: str) -> Deed:
    return Deed(radio=event.radio, reason=f"alert_{event.kind.lower()}", text=text)


def _nothing(event: Event, reason: str, **params: int | str) -> NoChange:
    return NoChange(radio=event.radio, reason=reason, params=params)


def _severe(event: Event) -> bool:
    return event.severity == "critical"


def _ratio(event: Event, name: str) -> float:
    """A share of the evidence, 0..1; 0 where it was not told."""
    told = event.evidence.get(name)
    return float(told) / 1e6 if told is not None else 0.0
