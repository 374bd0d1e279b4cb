"""Whether the device shall go back by itself if nobody confirms, and after how long. Pure."""

from __future__ import annotations

from agent.change import Change
from agent.view import SiteView, block_in_values
from drivers.types import Capabilities, Effects, Outage
from inventory import regulatory
from inventory.model import Policy

SETTLING_S = 10.0


def undo_after_s(change: Change, effects: Effects, able: Capabilities, view: SiteView) -> float | None:
    """Seconds for the device-side undo timer, or None: not to be armed.

    Never armed when the prior channel needs DFS (it could go back onto radar, or into a CAC), nor when the
    edit itself needs a CAC, within which the timer could end, nor for an edit that the timer can't take back.
    """
    if able.undo_timer_s is None or not effects.undoable or effects.outage is Outage.CAC:
        return None
    if _prior_needs_dfs(change, view):
        return None
    least, most = able.undo_timer_s
    wanted = effects.silent_s + SETTLING_S + write_to_confirm_s(view.site.policy)
    return max(least, wanted) if wanted <= most else None


def write_to_confirm_s(policy: Policy) -> float:
    """The longest time between a write and its confirmation, in seconds."""
    return policy.apply_timeout_s + policy.ack_timeout_s


def _prior_needs_dfs(change: Change, view: SiteView) -> bool:
    radio = view.radios[change.radios[0]].radio
    prior = block_in_values(radio, change.prior)
    return prior is not None and regulatory.dfs_needed(view.site.country, prior)
