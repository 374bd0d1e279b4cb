"""Where a rollback goes. Never onto radar, never into a CAC, never onto anything unlawful. Pure."""

from __future__ import annotations

from agent.change import Change
from agent.planner import legal
from agent.planner.channel import emergency
from agent.view import CHANNEL_SETTINGS, SiteView, block_in_values
from drivers.types import Setting, Values


def destination(view: SiteView, change: Change) -> Values | None:
    """The prior values if they are lawful and free at once, else the best legal ones that are; None: there
    is nothing, a person must decide.
    """
    if change.prior.get(Setting.ENABLED) == 0:
        return {Setting.ENABLED: 0}  # silence is always legal, whatever the channel would be
    at = view.radios[change.radios[0]]
    have = at.block or block_in_values(at.radio, change.target)
    if legal.values_forbidden(view, at, change.prior, have) is None and not _silent_first(view, change):
        return change.prior
    if Setting.CHANNEL not in change.prior and Setting.ENABLED not in change.prior:
        return None
    other = emergency(view, at.key)
    if other is None:
        return None
    moved = legal.moved_to(view, at, other)
    rest = {k: v for k, v in change.prior.items() if k not in CHANNEL_SETTINGS}
    values = {**moved, **rest}
    return values if legal.values_forbidden(view, at, values, other) is None else moved


def _silent_first(view: SiteView, change: Change) -> bool:
    at = view.radios[change.radios[0]]
    prior = block_in_values(at.radio, change.prior)
    if prior is None and change.prior.get(Setting.ENABLED):
        prior = at.block  # switched on again where it was
    if prior is None or (prior == at.block and at.on_air):
        return False
    return legal.cac_needed(view, at, prior)


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
