"""More power for the neighbours of an AP that died, so that its clients find somebody. Pure."""

from __future__ import annotations

from agent.change import LIVE, TOKEN_S, Cause, Change, State
from agent.moment import DAY_US
from agent.planner import legal
from agent.planner.decision import Answer, Decision, Move, NoChange, TakeBack
from agent.planner.moving import guarded
from agent.planner.obss_pd import LEAST_DBM, most_power_dbm
from agent.view import SiteView
from drivers.types import Setting
from inventory import regulatory
from inventory.model import RadioKey, ap_of

IN_FORCE = (LIVE | {State.COMMITTED}) - {State.PROPOSED}


def helpers(view: SiteView, dead: RadioKey) -> tuple[RadioKey, ...]:
    """Radios of the band, on air, that heard the dead one at `neighbour_dbm` or more, loudest first."""
    bssids = {bssid for bssid, key in view.bssids.items() if key == dead}
    band, policy = view.site.radios[dead].band, view.site.policy
    heard = {
        key: max(at.levels(bssids, policy.neighbour_age_s), default=None)
        for key, at in view.radios.items()
        if at.radio.band is band and ap_of(key) != ap_of(dead) and at.on_air
    }
    loud = {key: dbm for key, dbm in heard.items() if dbm is not None and dbm >= policy.neighbour_dbm}
    return tuple(sorted(loud, key=lambda key: (-loud[key], key)))


def raised(view: SiteView, key: RadioKey) -> Decision:
    """One step more on this radio, up to what the law, the site and `compensate_most_db` over its power
    before the first step allow, however many dead APs it helps for."""
    at, detect = view.radios[key], view.site.policy.detect
    if at.block is None or at.reading is None or (now := at.reading.tx_power_dbm) is None:
        return NoChange(radio=key, reason="power_not_reported")
    if legal.forbidden(view, at, at.block) is not None:
        return NoChange(radio=key, reason="channel_not_allowed_now")
    have = int(now.value)
    before = min([have, *map(_power_before, lent(view, key))])
    limits = [
        before + detect.compensate_most_db,
        regulatory.max_power_dbm(view.site.country, at.block, at.radio),
    ]
    limits += [at.radio.power_dbm[1]] if at.radio.power_dbm else []
    if (level := at.reading.obss_pd_dbm) is not None and level.value > LEAST_DBM:
        limits.append(most_power_dbm(level.value))
    goal = legal.settable_dbm(at, min(have + detect.compensate_step_db, *limits))
    params: dict[str, int | str] = {"before_dbm": before, "from_dbm": have, "limit_dbm": min(limits)}
    if goal <= have:
        return NoChange(radio=key, reason="power_at_its_limit", params=params)
    return Move(
        radio=key,
        target={Setting.TX_POWER_DBM: goal},
        cause=Cause.HW_FAILURE,
        reason="cover_for_a_dead_neighbour",
        params={**params, "to_dbm": goal},
    )


def given_back(view: SiteView, event_id: str) -> tuple[Answer, ...]:
    """What ends the help that was given because of this event, for each radio that gave it.

    A step still open is taken back first; then the first step of all, whose prior power is that from before
    the event: one write, however many steps there were. Where that was WORSE it is tried again after `bar_s`,
    then twice that, and a week later without the token: the help is no loan for ever; but not more often in a
    day than incidents may change a radio, whatever came of it. Ask again until nothing is left.
    """
    mine = (c for c in view.changes if c.event_id == event_id and (_helps(c) or _offers(c)))
    helping = {key for change in mine for key in change.radios}
    radios = helping & view.radios.keys()  # one that left the configuration is nobody's any more
    return tuple(back for key in sorted(radios) for back in _back(view, key, event_id))


def _back(view: SiteView, key: RadioKey, event_id: str) -> list[Answer]:
    if any(c.state in IN_FORCE and not c.final for c in _backs(view, key)):
        return []
    steps = [c for c in lent(view, key) if c.event_id == event_id]
    done = [c for c in steps if c.state is State.COMMITTED]
    first = min(reversed(done), key=_power_before, default=None)
    if first is not None and (again := _spent(view, key, event_id) or _once_more(view, key, first, event_id)):
        return [again]
    wanted = [c for c in view.changes if c.event_id == event_id and _offers(c) and key in c.radios]
    wanted += [c for c in steps if c.state in LIVE and c.state is not State.ROLLING_BACK]
    wanted += [first] if first is not None else []
    return [TakeBack(radio=key, change_id=c.id, reason="the_dead_ap_is_back") for c in wanted]


def lent(view: SiteView, key: RadioKey) -> list[Change]:
    """Steps of power on this radio that are in force, for whatever dead AP, newest first."""
    backs = _backs(view, key)
    steps = (c for c in view.changes if _helps(c) and key in c.radios)
    held = (step for step in steps if not any(_settles(back, step) for back in backs))
    return sorted(held, key=lambda c: c.order, reverse=True)


def _backs(view: SiteView, key: RadioKey) -> list[Change]:
    """Changes that took power back from this radio, or are to."""
    undos = (c for c in view.changes if c.cause is Cause.UNDO and key in c.radios)
    return [c for c in undos if Setting.TX_POWER_DBM in c.target]


def _settles(back: Change, step: Change) -> bool:
    """Whether this undo ended this step: it came later, and wrote no more power than was before the step."""
    later = back.state is State.COMMITTED and back.order >= step.order
    return later and back.target[Setting.TX_POWER_DBM] <= _power_before(step)


def _power_before(step: Change) -> int:
    return int(step.prior[Setting.TX_POWER_DBM])


def _spent(view: SiteView, key: RadioKey, event_id: str) -> Answer | None:
    """Why it is not tried today again: it was, so often, and was refused, lost or WORSE."""
    backs = [c for c in _backs(view, key) if c.event_id == event_id and c.state is not State.EXPIRED]
    today = sum(view.age_us(c) < DAY_US for c in backs)
    if today < view.site.policy.incident_per_radio_day:
        return None
    told: dict[str, int | str] = {"guard": "incident_budget", "why": "budget_spent", "today": today}
    return NoChange(radio=key, reason="vetoed", params=told)


def _once_more(view: SiteView, key: RadioKey, first: Change, event_id: str) -> Answer | None:
    """Where the first step's token is used, or has expired, the power from before is set by a change of its
    own; None: the token will do. After each time that it was WORSE the wait doubles, or clients would be made
    to try it six times a day."""
    backs = [c for c in _backs(view, key) if c.event_id == event_id and c.state is State.ROLLED_BACK]
    worse = [c for c in backs if c.order >= first.order]
    last = max(worse, key=lambda c: c.order, default=None)
    if last is None and view.age_us(first) < TOKEN_S * 1e6:
        return None
    wait_us = view.site.policy.bar_s * 1e6 * 2 ** (len(worse) - 1)
    if last is not None and view.age_us(last) < wait_us:
        return NoChange(radio=key, reason="giving_back_was_worse", params={"change": last.id})
    target = {Setting.TX_POWER_DBM: first.prior[Setting.TX_POWER_DBM]}
    move = Move(radio=key, target=target, cause=Cause.UNDO, reason="the_dead_ap_is_back")
    return guarded(view, move)


def _offers(change: Change) -> bool:
    """Help that waits for a person's approval: nobody may approve it when it is not needed any more."""
    return change.cause is Cause.HW_FAILURE and change.state is State.PROPOSED


def _helps(change: Change) -> bool:
    helps = change.cause is Cause.HW_FAILURE and change.state in IN_FORCE
    return helps and Setting.TX_POWER_DBM in change.prior
