"""SECURITY: BSSs that bear our name or our address; and our own, which must never be taken for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sights import (
    ME,
    NEXT,
    NOW_S,
    SSID,
    bssid,
    change_of,
    heard_as,
    history,
    over,
    reading,
    sight_of,
    site,
    there,
    told,
    view_of,
)

from agent.change import State
from agent.detectors.security import security
from agent.detectors.sight import Finding, Presence
from drivers.signals import RogueHeard
from drivers.types import NeighborReading, RadioState, Setting
from inventory.model import RadioKey

EVIL = "0a:00:00:00:00:66"
ROGUE, FALSE = f"rogue:{EVIL}", f"impersonation:{bssid(NEXT)}"


def look(
    *heard: NeighborReading, open_keys: Sequence[str] = (), owner: Sequence[Any] | None = None, **view: Any
) -> Sequence[Finding]:
    """What the first radio makes of what it heard."""
    past = history(key=NEXT) if owner is None else owner
    given = view_of(heard={ME: heard}, **view)
    return security(sight_of(history(), given, histories={NEXT: past}), frozenset(open_keys))


def evil(**given: Any) -> NeighborReading:
    return heard_as(EVIL, **{"ssid": SSID, "signal_dbm": -60.0, **given})


# -- our name --------------------------------------------------------------------------------------------


def test_a_foreign_bss_with_our_ssid() -> None:
    finding = there(look(evil()))
    assert (finding.key, finding.severity, finding.radio) == (ROGUE, "major", ME)
    assert finding.evidence == {"what": "rogue", "bssid": EVIL, "channel": 36, "signal_dbm": -60}


@pytest.mark.parametrize(
    "harmless",
    [
        evil(signal_dbm=-76.0),
        evil(ssid="neighbour"),
        evil(ssid=None),
        evil(ssid=""),
        evil(age_s=901.0),
        heard_as(NEXT, ssid=SSID),
    ],
)
def test_what_is_no_rogue(harmless: NeighborReading) -> None:
    assert look(harmless) == []


@pytest.mark.parametrize(
    "mine", [None, reading(RadioKey("lab/ap3/r5"), bss=None)], ids=["lost", "no BSSID told"]
)
def test_while_a_radio_of_ours_is_unknown_nothing_is_called_a_rogue(mine: Any) -> None:
    third = RadioKey("lab/ap3/r5")
    view = view_of(heard={ME: [evil()]}, readings={third: mine})
    view = replace(view, bssids={b: k for b, k in view.bssids.items() if k != third})
    assert security(sight_of(history(), view), ()) == []
    off = {third: reading(third, bss=None, state=RadioState.OFF)}
    view = replace(view_of(heard={ME: [evil()]}, readings=off), bssids=view.bssids)
    assert there(security(sight_of(history(), view), ()))


def test_a_rogue_is_gone_when_nobody_hears_it() -> None:
    old = evil(age_s=1000.0)
    assert over(look(old, open_keys=[ROGUE])).key == ROGUE
    assert look(old) == []
    assert look(open_keys=[ROGUE]) == []  # another radio heard it: its scans will tell
    assert look(old, open_keys=[ROGUE], scanned_age_s=None) == []
    assert over(look(evil(signal_dbm=-81.0), open_keys=[ROGUE]))
    assert look(evil(signal_dbm=-79.0), open_keys=[ROGUE]) == []


def test_a_rogue_that_another_radio_still_hears_is_there() -> None:
    heard = {ME: [evil(age_s=1000.0)], NEXT: [evil()]}
    assert security(sight_of(history(), view_of(heard=heard)), frozenset({ROGUE})) == []


# -- our address -----------------------------------------------------------------------------------------


def false(**given: Any) -> NeighborReading:
    return heard_as(NEXT, **{"channel": 149, **given})


def test_our_bssid_where_our_radio_is_not() -> None:
    finding = there(look(false()))
    assert (finding.key, finding.severity) == (FALSE, "major")
    assert finding.evidence["channel"] == 149


def test_our_bssid_where_our_radio_is() -> None:
    assert look(false(channel=36)) == []
    assert look(false(age_s=901.0)) == []
    assert look(heard_as(ME, channel=149)) == []


@pytest.mark.parametrize(
    "state", [State.MONITORING, State.COMMITTED, State.PROPOSED], ids=["moving", "moved", "proposed"]
)
def test_our_own_moves_are_no_impersonation(state: State) -> None:
    where = {Setting.CHANNEL: 149, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: 5745}
    here = {Setting.CHANNEL: 36, Setting.WIDTH_MHZ: 20, Setting.CENTER_MHZ: 5180}
    assert look(false(), changes=(change_of(NEXT, state, target=where, prior=here),)) == []
    assert look(false(), changes=(change_of(NEXT, state, target=here, prior=where),)) == []


@pytest.mark.parametrize(
    ("owner", "at"),
    [
        ((), None),
        (history(count=5, key=NEXT), None),
        (tuple(replace(o, channel=149) if n < 60 else o for n, o in enumerate(history(key=NEXT))), None),
        (None, reading(NEXT, state=RadioState.CAC)),
        (None, reading(NEXT, at_s=NOW_S - 50.0)),  # read before it was heard
        (None, replace(reading(NEXT), channel=None)),
    ],
    ids=["no history", "short history", "moved by itself", "off air", "read before", "channel unknown"],
)
def test_what_can_not_be_told_is_no_impersonation(owner: Any, at: Any) -> None:
    readings = {} if at is None else {NEXT: at}
    assert look(false(), owner=owner, readings=readings) == []


def test_an_impersonator_is_gone_when_only_we_are_heard() -> None:
    assert over(look(heard_as(NEXT, age_s=20.0), open_keys=[FALSE])).key == FALSE
    assert told(look(false(), open_keys=[FALSE])) == [(FALSE, Presence.THERE)]
    assert look(false(age_s=300.0), open_keys=[FALSE], owner=()) == []


# -- what the device says ---------------------------------------------------------------------------------


def word(ago_s: float = 5.0, **given: Any) -> RogueHeard:
    return RogueHeard(**{"at_s": NOW_S - ago_s, "device": "ap1", "radio": ME, "bssid": EVIL, **given})


def says(*words: RogueHeard, open_keys: Sequence[str] = ()) -> Sequence[Finding]:
    return security(sight_of(history(), view_of(site()), signals=words), frozenset(open_keys))


def test_the_device_heard_a_rogue() -> None:
    finding = there(says(word(on_wire=True, channel=11)))
    assert finding.key == ROGUE
    assert finding.evidence == {"what": "rogue", "bssid": EVIL, "on_wire": 1, "channel": 11}
    assert there(says(word(impersonates=True))).key == f"impersonation:{EVIL}"
    assert says(word(radio=NEXT)) == []
    assert says(word(10.0), word(over=True)) == []
    assert told(says(word(10.0), word(over=True), open_keys=[ROGUE])) == [(ROGUE, Presence.OVER)]


def test_anyone_could_have_sent_it() -> None:
    finding = there(says(word(authenticated=False)))
    assert (finding.severity, finding.confidence_ppm) == ("minor", 500_000)
    assert there(says(word(10.0), word(over=True, authenticated=False))).severity == "major"


def test_thousands_of_made_up_addresses_are_one_event_more() -> None:
    names = [f"0a:00:00:00:{n // 256:02x}:{n % 256:02x}" for n in range(3000)]
    found = look(*(heard_as(name, ssid=SSID, signal_dbm=-60.0) for name in names))
    assert len(found) == 21
    assert (found[-1].key, found[-1].evidence["bssids"]) == ("rogue:many", 2980)
    again = look(
        *(heard_as(name, ssid=SSID, signal_dbm=-60.0) for name in names), open_keys=[f.key for f in found]
    )
    assert [f.key for f in again] == [f.key for f in found]
