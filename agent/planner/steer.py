"""Hints to clients that another AP of the site would serve them better (802.11v BSS transition). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agent.change import Cause
from agent.planner import guards
from agent.planner.decision import Deed, NoChange
from agent.view import RadioView, SiteView
from drivers.types import Action, ActionRequest, ClientReading
from inventory.model import RadioKey, ap_of

MOST_CLIENTS: Final = 5
"""So many at a time, and at most a quarter of them all: what comes of it is seen before more are asked."""

REST_S: Final = 300.0
"""Between two rounds of hints from one radio."""

LESS_BUSY: Final = 0.1
"""So much less of the air must be busy where they are sent."""


def steered(view: SiteView, key: RadioKey) -> Deed | NoChange:
    """Ask the clients heard worst to go to a neighbour with less to do."""
    at = view.radios[key]
    if at.capabilities is None or Action.STEER not in at.capabilities.actions:
        return NoChange(radio=key, reason="device_cannot_steer")
    if view.deeds.get((key, Action.STEER), REST_S) < REST_S:
        return NoChange(radio=key, reason="steered_lately")
    if found := guards.deed_vetoes(guards.Proposal(view, key, {}, Cause.SPECTRUM_SAT)):
        params: dict[str, int | str] = {"guard": found[0].guard, "why": found[0].reason}
        return NoChange(radio=key, reason="vetoed", params=params, vetoes=tuple(found))
    clients = _weakest(at)
    ssid = _ssid_of(at, clients[0].bssid) if clients else None
    asked = [each for each in clients if _ssid_of(at, each.bssid) == ssid]
    goals = _goals(view, at, ssid)
    if not asked or not goals:
        return NoChange(radio=key, reason="nobody_to_steer" if not asked else "nowhere_to_steer_to")
    return Deed(
        radio=key,
        reason="steer_clients",
        request=ActionRequest(
            action=Action.STEER,
            radio=key,
            clients=tuple(each.mac for each in asked),
            to_bssids=goals,
        ),
        params={"clients": len(asked), "to": len(goals)},
    )


def _weakest(at: RadioView) -> list[ClientReading]:
    """The clients heard worst, a bounded number of them; one whose signal is not reported is left alone."""
    clients = (at.reading.clients if at.reading else None) or ()
    told = [(each.signal_dbm, each.mac, each) for each in clients if each.signal_dbm is not None]
    most = min(MOST_CLIENTS, -(-len(clients) // 4))
    return [each for _, _, each in sorted(told, key=lambda one: one[:2])[:most]]


def _ssid_of(at: RadioView, bssid: str | None) -> str | None:
    served = (at.reading.bss if at.reading else None) or ()
    return next((bss.ssid for bss in served if bss.bssid == bssid), None)


def _goals(view: SiteView, at: RadioView, ssid: str | None) -> tuple[str, ...]:
    """BSSIDs of less loaded radios of other APs that this one hears well, loudest first: who stands between
    the two hears them too. Of the clients' SSID, where that is known."""
    policy = view.site.policy
    found = []
    for key, other in view.radios.items():
        if ap_of(key) == ap_of(at.key) or other.radio.band is not at.radio.band or not other.on_air:
            continue
        bssids = _bssids(other, ssid)
        level = max(at.levels(bssids, policy.neighbour_age_s), default=None)
        if level is not None and level >= policy.neighbour_dbm and _less_loaded(other, at, policy.evidence_s):
            found.append((-level, key, bssids))
    return tuple(bssid for _, _, bssids in sorted(found) for bssid in bssids)


def _bssids(other: RadioView, ssid: str | None) -> Sequence[str]:
    served = (other.reading.bss if other.reading else None) or ()
    return [bss.bssid for bss in served if ssid is None or bss.ssid in (None, ssid)]


def _less_loaded(other: RadioView, at: RadioView, limit_s: float) -> bool:
    """Less of its air is busy; where that is not measured, half as many clients or fewer."""
    theirs, mine = _busy(other, limit_s), _busy(at, limit_s)
    if theirs is not None and mine is not None:
        return theirs <= mine - LESS_BUSY
    few, many = _clients(other), _clients(at)
    return few is not None and many is not None and 2 * few <= many


def _busy(at: RadioView, limit_s: float) -> float | None:
    air = at.air.get(at.block.primary_mhz) if at.block else None
    return air.busy if air is not None and air.age_s <= limit_s else None


def _clients(at: RadioView) -> int | None:
    told = at.reading.clients if at.reading else None
    return None if told is None else len(told)
