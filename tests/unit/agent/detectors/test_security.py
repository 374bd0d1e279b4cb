"""SECURITY of one radio: floods, jamming, what the device says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sights import (
    ME,
    NEXT,
    NOW_S,
    change_of,
    history,
    over,
    sight_of,
    there,
    times,
    told,
    view_of,
    with_clients,
)

from agent.change import State
from agent.counters import Flaw
from agent.detectors.security import security
from agent.detectors.sight import Finding, Presence
from drivers.signals import AttackHeard
from drivers.types import Action, Setting

FLOOD, JAM, ATTACK = f"flood:{ME}", f"jamming:{ME}", f"attack:{ME}"


def macs(count: int, start: int = 0) -> frozenset[str]:
    return frozenset(f"0a:{n:02x}" for n in range(start, start + count))


def look(newest: Sequence[dict[str, Any]], open_keys: Sequence[str] = (), **view: Any) -> Sequence[Finding]:
    return security(sight_of(history(newest=newest), view_of(**view)), frozenset(open_keys))


def thrown_out(count: int = 15, samples: int = 2, **given: Any) -> list[dict[str, Any]]:
    return times(samples, gone=macs(count), **given)


# -- flood -----------------------------------------------------------------------------------------------


def test_half_a_room_is_thrown_out_again_and_again() -> None:
    finding = there(look(thrown_out()))
    assert (finding.key, finding.severity, finding.confidence_ppm) == (FLOOD, "major", 900_000)
    assert finding.evidence == {"what": "flood", "per_minute": 30}
    assert look(thrown_out(14)) == []
    assert look(thrown_out(samples=1)) == []


def test_a_crowd_that_goes_home_is_hardly_a_flood() -> None:
    leaving = [{"gone": macs(15), "client_count": 40}, {"gone": macs(15, 20), "client_count": 25}]
    assert there(look(leaving)).confidence_ppm == 600_000


def test_those_who_roamed_were_not_thrown_out() -> None:
    readings = {NEXT: with_clients(NEXT, sorted(macs(5)))}
    assert look(thrown_out(), readings=readings) == []
    assert there(look(thrown_out(20), readings=readings))


def test_what_we_do_ourselves_is_no_attack() -> None:
    change = change_of(ME, State.MONITORING, target={Setting.CHANNEL: 36}, prior={Setting.CHANNEL: 44})
    assert look(thrown_out(), changes=(change,)) == []
    assert look(thrown_out(), deeds={(ME, Action.RESTART): 100.0}) == []
    assert there(look(thrown_out(), deeds={(ME, Action.RESTART): 1000.0}))


@pytest.mark.parametrize(
    "spoilt", [{"flaws": frozenset({Flaw.OFF_AIR})}, {"channel": 44}, {"span_s": 400.0}, {"gone": None}]
)
def test_a_radio_that_was_away_threw_them_out_itself(spoilt: dict[str, Any]) -> None:
    first, second = thrown_out()
    assert look([{**first, **spoilt}, second]) == []


def test_a_short_sample_is_no_flood() -> None:
    assert look(thrown_out(8, span_s=5.0, at_s=NOW_S - 1.0)) == []


def test_a_flood_ends_below_half() -> None:
    assert over(look(times(3), [FLOOD])).key == FLOOD
    assert look(thrown_out(8, 3), [FLOOD]) == []


# -- jamming ---------------------------------------------------------------------------------------------

JAMMED: dict[str, Any] = {"busy_ratio": 1.0, "rx_ratio": 0.02, "tx_ratio": 0.03, "noise_dbm": -75.0}


def test_full_of_noise_and_a_noise_floor_that_rose() -> None:
    finding = there(look(times(3, **JAMMED)))
    assert (finding.key, finding.evidence["what"], finding.evidence["noise_rise_db"]) == (JAM, "jamming", 20)
    for less in ({"noise_dbm": -81.0}, {"noise_dbm": None}, {"rx_ratio": 0.2}, {"rx_ratio": None}):
        assert look(times(3, **{**JAMMED, **less})) == []
    assert look(times(2, **JAMMED)) == []


def test_jamming_needs_to_know_the_usual_noise_here() -> None:
    assert security(sight_of(history(count=8, newest=times(3, **JAMMED))), ()) == []
    elsewhere = [*times(60, channel=44), *times(3, **JAMMED)]
    assert look(elsewhere) == []


def test_a_jam_ends_where_a_burst_does() -> None:
    assert over(look(times(3), [JAM])).key == JAM
    assert look(times(3, **{**JAMMED, "busy_ratio": 0.5}), [JAM]) == []


# -- what the device says ---------------------------------------------------------------------------------


def word(ago_s: float = 5.0, **given: Any) -> AttackHeard:
    return AttackHeard(at_s=NOW_S - ago_s, device="ap1", radio=ME, what="deauth flood", **given)


def says(*words: AttackHeard, open_keys: Sequence[str] = ()) -> Sequence[Finding]:
    return security(sight_of(history(), signals=words), frozenset(open_keys))


def test_the_device_recognised_an_attack() -> None:
    finding = there(says(word()))
    assert (finding.key, finding.severity) == (ATTACK, "major")
    assert finding.evidence == {"what": "attack", "told": "deauth flood"}
    assert there(says(word(jamming=True))).key == JAM
    assert says(replace(word(), radio=NEXT)) == []


def test_and_says_when_it_is_over() -> None:
    assert says(word(10.0), word(5.0, over=True)) == []
    assert told(says(word(10.0), word(5.0, over=True), open_keys=[ATTACK])) == [(ATTACK, Presence.OVER)]


def test_anyone_could_have_sent_it() -> None:
    finding = there(says(word(authenticated=False)))
    assert (finding.severity, finding.confidence_ppm) == ("minor", 500_000)
    assert there(says(word(10.0), word(5.0, over=True, authenticated=False))).severity == "major"


def test_nothing_at_all() -> None:
    assert look([]) == []
    assert security(sight_of(()), frozenset({FLOOD, JAM, ATTACK, "rogue:x", "nonsense"})) == []
