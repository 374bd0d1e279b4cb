"""What an event says of the air, where the radio itself did not measure it. Pure."""

from __future__ import annotations

from dataclasses import replace

from agent.airtime import ChannelAir
from agent.events import Event
from agent.view import SiteView

LISTENED_MS = 60_000
"""An event rests on several samples: its evidence counts like a minute of listening."""


def believed(view: SiteView, event: Event) -> SiteView:
    """The site with the event's evidence for the air of its radio's channel.

    A device that recognises interference by itself may have no survey, and what a drill made up is in
    nobody's. What was measured lately stands, else: it is newer, and of the channel that the radio is on now.
    """
    at = view.radios.get(event.radio) if event.radio else None
    if at is None or at.block is None:
        return view
    mhz = at.block.primary_mhz
    known = at.measured(mhz, view.site.policy.evidence_s) or ChannelAir()
    if known.non_wifi is not None and not event.drill:
        return view
    told = _told(event, known)
    return replace(view, radios={**view.radios, at.key: replace(at, air={**at.air, mhz: told})})


def _told(event: Event, known: ChannelAir) -> ChannelAir:
    """With no word of what was received, nothing is said of it: loads are assumed as if not measured."""
    rx, tx = _share(event, "foreign_ppm", known.rx), _share(event, "own_ppm", known.tx)
    rest = _share(event, "duty_ppm", _share(event, "non_wifi_ppm", known.non_wifi))
    busy = min(1.0, (rx or 0.0) + (tx or 0.0) + (rest or 0.0))
    listened_ms = 0 if rx is None else LISTENED_MS
    return replace(known, listened_ms=listened_ms, busy=busy, rx=rx or 0.0, tx=tx or 0.0, age_s=0.0)


def _share(event: Event, name: str, known: float | None) -> float | None:
    """A share of the air, 0..1: as the event tells it, else as it was measured."""
    told = event.evidence.get(name)
    return float(told) / 1e6 if told is not None else known
