"""Radios that a plan reckons with and does not move, and why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from agent.change import Cause
from agent.planner import guards, legal
from agent.planner.legal import Veto
from agent.planner.site.plan import Left
from agent.view import CHANNEL_SETTINGS, RadioView, SiteView
from drivers.types import RadioState, Setting
from inventory.channels import blocks
from inventory.model import RadioKey, ap_of

HOLDING: Final = ("pinned", "pause", "stale", "capability", "country", "uplink", "owner", "open_change")
"""Guards that speak of the radio and not of where it would go."""


def why(
    view: SiteView,
    at: RadioView,
    zone: str | None,
    settings: Collection[Setting] = CHANNEL_SETTINGS,
) -> Left | None:
    """Why this radio is not the plan's to move; None = it is. ``settings``: what its device must be able to
    set."""
    if zone is not None and zone_of(view, at.key) != zone:
        return Left(radio=at.key, reason="other_zone", params={"zone": zone_of(view, at.key) or "none"})
    if at.reading is not None and at.reading.state is RadioState.OFF:
        return Left(radio=at.key, reason="switched_off")
    asked = guards.Proposal(view, at.key, dict.fromkeys(settings, 0), Cause.SITE_PLAN)
    held = (guards.GUARDS[name](asked) for name in HOLDING)
    veto = next((each for each in held if each is not None), None)
    return Left(radio=at.key, reason=veto.reason, params=veto.params) if veto else None


def zone_of(view: SiteView, key: RadioKey) -> str | None:
    return view.site.aps[ap_of(key).split("/")[1]].zone


def unknown(at: RadioView) -> Left:
    """That it is on air, and where is not known; with as much as its device said of it."""
    names = ("channel", "width_mhz", "center_mhz")
    told = {name: getattr(at.reading, name, None) for name in names}
    said = {name: each.value for name, each in told.items() if each is not None}
    whole = {"channel", "width_mhz"} <= said.keys()
    return Left(radio=at.key, reason="no_such_block_reported" if whole else "channel_not_known", params=said)


def must_go(view: SiteView, at: RadioView) -> str:
    """Why a radio may not stay where it is, in a code."""
    block = at.block
    veto = (legal.forbidden(view, at, block) or legal.listed(view, at, block)) if block else None
    return veto.reason if veto else "no_place_now"


def nowhere(view: SiteView, at: RadioView) -> Left:
    """That no block is legal, with the list that asks for too much and the rule that kills most of it."""
    radio = at.radio
    found = Counter(_refusals(view, at))
    (guard, reason), _ = found.most_common(1)[0] if found else (("allowed_list", "no_such_block"), 0)
    channels = "any" if radio.channels is None else " ".join(map(str, radio.channels))
    return Left(
        radio=at.key,
        reason="no_legal_block",
        params={
            "channels": channels,
            "widths_mhz": " ".join(map(str, radio.widths_mhz)),
            "guard": guard,
            "why": reason,
        },
    )


def _refusals(view: SiteView, at: RadioView) -> Iterator[tuple[str, str]]:
    """What law, device and radar say to the blocks that the site's lists ask for; what the lists say where
    they leave none."""
    everything = [block for width in at.radio.widths_mhz for block in blocks(at.radio.band, width)]
    asked = [block for block in everything if legal.listed(view, at, block) is None]
    vetoes: Iterator[Veto | None]
    if asked:
        vetoes = (legal.forbidden(view, at, block) for block in asked)
    else:
        vetoes = (legal.listed(view, at, block) for block in everything)
    return ((veto.guard, veto.reason) for veto in vetoes if veto is not None)
