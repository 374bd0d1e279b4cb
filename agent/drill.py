"""Drills: what would be done about an event that a person made up. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.api.errors import Refused
from agent.change import Cause, Change
from agent.events import Event, EventKind
from agent.moment import Moment
from agent.planner import matrix
from agent.planner.decision import Decision
from agent.view import SiteView
from drivers.types import Edit, Effects
from inventory.channels import Block
from inventory.model import RadioKey, site_of

LEAVES = frozenset({EventKind.NON_WIFI_BURST, EventKind.SPECTRUM_SAT})
"""Kinds whose action is to leave the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """What a drill shows: the decision, what it would send and do, and the change if it was acted upon.

    ``begun``: it was acted upon; a radar drill has no change of its own unless the AP must be forced.
    """

    event: Event
    decision: Decision
    edit: Edit | None = None
    effects: Effects | None = None
    change: Change | None = None
    begun: bool = False
    note: str = ""


def event(id: str, now: Moment, kind: EventKind, key: RadioKey) -> Event:
    """A made-up event: marked as a drill, and over at once."""
    return Event(
        id=id,
        site=site_of(key),
        kind=kind,
        key=f"drill:{key}:{now.utc_us}",
        radio=key,
        severity="drill",
        confidence_ppm=1_000_000,
        raised_utc_us=now.utc_us,
        cleared_utc_us=now.utc_us,
        drill=True,
    )


def decide(
    view: SiteView, kind: EventKind, key: RadioKey, channel: int | None, width_mhz: int | None
) -> Decision:
    """The decision about a made-up event; a named channel makes it a person's request.

    Raises Refused for a kind that no action belongs to yet.
    """
    if channel is not None:
        return matrix.requested(view, key, channel, width_mhz, Cause.OPERATOR)
    if kind in LEAVES:
        return matrix.leave(view, key, Cause(kind))
    raise Refused(
        f"{kind} has no action of its own yet: name a target with --channel, or inject one of "
        f"{', '.join(sorted([*LEAVES, EventKind.DFS_RADAR]))}"
    )


def radar(view: SiteView, key: RadioKey, here: Block) -> Decision:
    """Where the radio would be sent if there were radar on the block that it occupies."""
    return matrix.escape(replace(view, barred_mhz=view.barred_mhz | here.mhz20), key)
