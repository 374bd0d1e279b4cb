"""Where a rollback goes. Never onto radar, never into a CAC, never onto anything unlawful, and never onto
what is to be left. Pure."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from agent.change import IN_FLIGHT, Cause, Change
from agent.planner import legal
from agent.planner.channel import emergency
from agent.view import CHANNEL_SETTINGS, RadioView, SiteView, block_in_values
from drivers.types import ConfigState, RadioReading, Reported, Setting, Values
from inventory import regulatory


def destination(view: SiteView, change: Change, have: ConfigState | None = None) -> Values | None:
    """The prior values if they are lawful and free at once, else the best legal ones that are; None: there
    is nothing, a person must decide.

    ``have``: what the device said just now; None: not read, and a change in flight may have landed.
    """
    silent = change.prior.get(Setting.ENABLED) == 0
    if silent and change.cause is not Cause.DFS_RADAR:
        return {Setting.ENABLED: 0}  # silence is always legal, whatever the channel would be
    if not silent and forbidden(view, change, change.prior, have) is None:
        return change.prior
    if Setting.CHANNEL not in change.prior and Setting.ENABLED not in change.prior:
        return None
    return _elsewhere(_as_it_is(view, change, have), change)


def forbidden(view: SiteView, change: Change, values: Values, have: ConfigState | None) -> legal.Veto | None:
    """Why a rollback may not write these values: they are not lawful now, or the radio would have to be
    silent first."""
    view = _as_it_is(view, change, have)
    at = view.radios[change.radios[0]]
    here = at.block or block_in_values(at.radio, change.prior) or block_in_values(at.radio, change.target)
    if veto := legal.values_forbidden(view, at, values, here):
        return veto
    goal = block_in_values(at.radio, values)
    if goal is None and values.get(Setting.ENABLED):
        goal = at.block  # switched on again where it was
    if goal is None or not legal.cac_needed(view, at, goal):
        return None
    return legal.Veto(guard="cac", reason="cac_needed", params={"channel": goal.primary})


def _elsewhere(view: SiteView, change: Change) -> Values | None:
    """The best legal block that is free at once and holds nothing of the one to be left, radio on."""
    at = view.radios[change.radios[0]]
    other = emergency(view, at.key, avoid=block_in_values(at.radio, change.target))
    if other is None:
        return None
    on = {Setting.ENABLED: 1} if Setting.ENABLED in change.prior else {}
    moved = {**legal.moved_to(view, at, other), **on}
    rest = {k: v for k, v in change.prior.items() if k not in CHANNEL_SETTINGS}
    values = {**moved, **rest, **on}
    return values if legal.values_forbidden(view, at, values, other) is None else moved


def _as_it_is(view: SiteView, change: Change, have: ConfigState | None) -> SiteView:
    """The view with the changed radio where the device says that it is, and with no more CAC credit than
    it can have there."""
    at = view.radios[change.radios[0]]
    if have is not None:
        at = replace(at, reading=_as_read(at, have, view.now.monotonic_s))
    if at.reading is None:
        return view
    landed = have is None and change.state in IN_FLIGHT
    credit = _credit(view.site.country, at, change.target if landed else {})
    at = replace(at, reading=replace(at.reading, cac_done_mhz=credit))
    return replace(view, radios=MappingProxyType({**view.radios, at.key: at}))


def _as_read(at: RadioView, have: ConfigState, now_s: float) -> RadioReading:
    """The last reading, with channel and state as the device said them just now."""
    known = at.reading or RadioReading(key=at.key, at_s=now_s, state=have.state, band=at.radio.band)
    told = {k: Reported(have.in_force[k], "read_back") for k in CHANNEL_SETTINGS if k in have.in_force}
    if Setting.CHANNEL not in told:
        return replace(known, state=have.state)
    return replace(
        known,
        state=have.state,
        channel=told[Setting.CHANNEL],
        width_mhz=told.get(Setting.WIDTH_MHZ, known.width_mhz),
        center_mhz=told.get(Setting.CENTER_MHZ),
    )


def _credit(country: str, at: RadioView, landed: Values) -> frozenset[int]:
    """20 MHz channels, MHz, that need no new CAC.

    Outside ETSI rules a radio has credit only for the channels that it is on: all else that a reading from
    before the switch says is gone. ``landed``: values that may be in force by now.
    """
    here = at.block.mhz20 if at.block and at.on_air else frozenset[int]()
    done = (at.reading.cac_done_mhz if at.reading else None) or frozenset()
    if regulatory.dfs_region(country) == "ETSI":
        return here | done
    then = block_in_values(at.radio, landed)
    return here & then.mhz20 if then else here


def is_ours(change: Change, have: Values) -> bool:
    """Whether what the device says now can be the doing of this change: each setting is at its target or
    its prior value, or the channel is and the device rounded the rest (a width it does not do, a power
    step). A channel that is neither was set by someone else, or by radar."""
    anchor = Setting.CHANNEL if Setting.CHANNEL in change.target else next(iter(change.target))
    told = have.get(anchor)
    known = {change.target.get(anchor), change.prior.get(anchor)}
    if change.rollback_to:
        known.add(change.rollback_to.get(anchor))
    return told is None or told in known or anchor is Setting.TX_POWER_DBM
