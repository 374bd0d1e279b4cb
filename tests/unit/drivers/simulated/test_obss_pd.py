"""OBSS-PD: a radio with a higher level waits for fewer others, is disturbed by them, and has less power."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulated.reading import read_radio
from drivers.simulated.world import World
from drivers.types import Setting, Table
from inventory.channels import block
from inventory.model import Band, Radio, RadioKey

A, B = RadioKey("s/ap0/r5"), RadioKey("s/ap1/r5")
LEVEL, POWER = Setting.OBSS_PD_DBM, Setting.TX_POWER_DBM


def two(aside_m: float = 2.0, demand_mbps: float = 20.0) -> World:
    """Two loaded radios on one channel, which hear each other at about -75 dBm, with a client each."""
    world = World(1, "US", start_hour=12)
    for key, x in ((A, 0.0), (B, 30.0)):
        world.add_radio(
            Radio(key=key, band=Band.GHZ_5),
            block(Band.GHZ_5, 149, 20),
            position=(x, 0.0, 3.0),
        )
    for nth, x in enumerate((0.0, 30.0)):
        world.add_client(f"06:ff:00:00:00:0{nth}", (x, aside_m, 1.0), demand_mbps)
    world.advance(300.0)
    return world


def test_it_waits_for_fewer_and_is_disturbed_instead() -> None:
    world = two(15.0)
    where = world.block_of(A)
    before, retries = world.ether.pressure(world.radio(A), where), world.radio(A).traffic.rates.retry_ratio
    assert before.sensed > 0.2
    assert before.hidden == 0
    world.configure(A, {LEVEL: -74})
    world.advance(310.0)
    after = world.ether.pressure(world.radio(A), where)
    assert after.sensed == 0
    assert after.hidden > 0.2
    assert world.radio(A).traffic.rates.retry_ratio > retries
    assert world.radio(A).traffic.rates.rx == 0
    # the other one still waits, for a quieter A
    assert world.ether.pressure(world.radio(B), where).sensed > 0


def test_a_near_client_gets_more_of_the_air_by_it() -> None:
    plain, reuse = two(demand_mbps=100.0), two(demand_mbps=100.0)
    for world in (reuse,):
        for key in (A, B):
            world.configure(key, {LEVEL: -68})
    for world in (plain, reuse):
        world.advance(3600.0)
    got = [sum(each.delivered_bytes for each in world.people.served().values()) for world in (plain, reuse)]
    assert got[1] > 1.2 * got[0]


@given(st.integers(-82, -62), st.integers(0, 24), st.sampled_from((21, 25)))
def test_power_in_force_is_coupled_to_the_level(level: int, power: int, reference: int) -> None:
    world = World(1, "US")
    where = block(Band.GHZ_5, 149, 20)
    world.add_radio(Radio(key=A, band=Band.GHZ_5), where, position=(0.0, 0.0, 3.0), power_ref_dbm=reference)
    world.configure(A, {LEVEL: level, POWER: power})
    limit = power if level == -82 else reference - (level + 82)
    assert world.in_force(A) == {**world.in_force(A), LEVEL: level, POWER: min(power, limit)}
    reported = read_radio(world, A, frozenset({Table.STATUS}), 0.0).tx_power_dbm
    assert reported is not None
    assert reported.value == min(power, limit)
    world.configure(A, {LEVEL: -82})
    assert world.in_force(A)[POWER] == power


def test_neighbours_hear_the_lower_power() -> None:
    world = two()

    def at_b() -> float:
        (found,) = read_radio(world, B, frozenset({Table.NEIGHBORS}), world.now_s).neighbors or ()
        return found.signal_dbm

    before = at_b()
    world.configure(A, {LEVEL: -70})  # 21 - 12 = 9 dBm instead of 17
    assert at_b() == pytest.approx(before - 8)
