"""The evidence of an event stands in for a survey that there is not, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

from unit.agent.planner.test_channel import heard
from unit.agent.planner.test_matrix import ONE, alone, changed, event

from agent.airtime import ChannelAir
from agent.events import EventKind
from agent.planner import matrix
from agent.planner.belief import believed
from agent.planner.channel import assess
from agent.planner.decision import Move
from agent.view import SiteView
from inventory.channels import block
from inventory.model import Band

BURST = event(EventKind.NON_WIFI_BURST, ONE, duty_ppm=800_000)
LONELY = (heard(44, -90.0),)


def air(seen: SiteView) -> ChannelAir:
    return believed(seen, BURST).radios[ONE].air[5180]


def test_a_device_that_names_the_interference_needs_no_survey() -> None:
    assert air(alone(LONELY)).non_wifi == 0.8
    (move,) = matrix.answer(alone(LONELY), BURST)
    assert isinstance(move, Move)


def test_what_was_measured_stands() -> None:
    """The radio has moved on since: what the event says is of another channel."""
    clean = ChannelAir(listened_ms=30_000, busy=0.1, rx=0.1, tx=0.0, age_s=20.0)
    seen = changed(alone(LONELY), ONE, air={5180: clean})
    assert air(seen) == clean
    assert not [each for each in matrix.answer(seen, BURST) if isinstance(each, Move)]
    old = changed(seen, ONE, air={5180: replace(clean, age_s=901.0)})
    assert air(old).non_wifi == 0.8


def test_a_drill_is_answered_as_if_it_were_so() -> None:
    clean = ChannelAir(listened_ms=30_000, busy=0.1, rx=0.1, tx=0.0, noise_dbm=-90.0, age_s=20.0)
    drill = replace(BURST, drill=True)
    told = believed(changed(alone(LONELY), ONE, air={5180: clean}), drill).radios[ONE].air[5180]
    assert (told.busy, told.rx, told.noise_dbm) == (0.9, 0.1, -90.0)


def test_shares_that_are_told_are_taken_over() -> None:
    full = event(EventKind.SPECTRUM_SAT, ONE, own_ppm=100_000, foreign_ppm=600_000, non_wifi_ppm=50_000)
    told = believed(alone(LONELY), full).radios[ONE].air[5180]
    assert (told.tx, told.rx, told.busy) == (0.1, 0.6, 0.75)


def test_an_event_of_no_radio_changes_nothing() -> None:
    seen = alone(LONELY)
    assert believed(seen, replace(BURST, radio=None)) is seen
    gone = changed(seen, ONE, reading=None)
    assert believed(gone, BURST) is gone


def test_without_a_word_of_what_was_received_loads_are_assumed_as_ever() -> None:
    seen = alone((heard(36, -50.0),))
    at = believed(seen, BURST).radios[ONE]
    before, after = (assess(seen, each, block(Band.GHZ_5, 36, 20)) for each in (seen.radios[ONE], at))
    assert after.terms["foreign_ppm"] == before.terms["foreign_ppm"] > 0
    assert after.terms["non_wifi_ppm"] == 800_000
