"""Half the width on the same primary, where the other half is not worth having."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rig import site_of
from unit.agent.planner.test_channel import heard, reading, view

from agent.airtime import ChannelAir
from agent.change import Cause
from agent.planner.decision import Move, NoChange
from agent.planner.width import narrower
from agent.view import SiteView
from drivers.types import NeighborReading, Setting
from inventory.channels import block
from inventory.model import Band, RadioKey

ONE = RadioKey("lab/ap1/r5")


def wide(width_mhz: int, *ears: NeighborReading, channel: int = 36) -> SiteView:
    found = view(site_of(1, channels=None, widths=(20, 40, 80)), ears)
    at = replace(found.radios[ONE], reading=reading(ONE, channel, width_mhz))
    return replace(found, radios={ONE: at})


def decided(seen: SiteView) -> Move | NoChange:
    return narrower(seen, ONE, Cause.SPECTRUM_SAT)


def crowd(channel: int, number: int, width_mhz: int = 20) -> tuple[NeighborReading, ...]:
    return tuple(heard(channel, -50.0, n, width_mhz) for n in range(number))


@pytest.mark.parametrize(("number", "moved"), [(1, False), (2, True), (5, True)])
def test_a_secondary_channel_taken_more_than_half_of_the_time_is_given_up(number: int, moved: bool) -> None:
    """One BSS leaves it 70 % of the time, two 49 %."""
    decision = decided(wide(40, *crowd(40, number)))
    assert isinstance(decision, Move) is moved, decision
    if isinstance(decision, Move):
        assert decision.target[Setting.CHANNEL] == 36
        assert decision.target[Setting.WIDTH_MHZ] == 20


def test_only_the_half_that_is_taken_is_given_up() -> None:
    decision = decided(wide(80, *crowd(44, 3, 40)))
    assert isinstance(decision, Move)
    assert decision.target[Setting.CENTER_MHZ] == block(Band.GHZ_5, 36, 40).center_mhz


def test_who_takes_the_primary_too_is_not_escaped_by_it() -> None:
    assert decided(wide(40, *crowd(36, 5, 40))).reason == "secondary_channels_are_free"
    assert decided(wide(80, *crowd(40, 5))).reason == "secondary_channels_are_free", "it is in both halves"


def test_interference_on_the_secondary_channel_counts() -> None:
    seen = wide(40)
    air = {5200: ChannelAir(listened_ms=30_000, busy=0.8, rx=0.0, tx=0.0)}
    seen = replace(seen, radios={ONE: replace(seen.radios[ONE], air=air)})
    assert isinstance(decided(seen), Move)


def test_nothing_is_narrower_than_20_mhz() -> None:
    assert decided(wide(20, *crowd(36, 5))).reason == "as_narrow_as_can_be"


def test_a_channel_that_is_not_known_moves_nothing() -> None:
    seen = wide(40)
    seen = replace(seen, radios={ONE: replace(seen.radios[ONE], reading=None)})
    assert decided(seen).reason == "channel_not_known"
