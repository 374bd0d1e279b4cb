"""Rogue APs, impostors, floods, jammers, ovens: what they do, and what a device would say of them."""

from __future__ import annotations

import pytest

from drivers.signals import AttackHeard, InterferenceHeard, RogueHeard, Signal
from drivers.simulated.reading import read_radio
from drivers.simulated.world import World
from drivers.types import NeighborReading, Setting, Table
from inventory.channels import Block, block
from inventory.model import Band, Radio, RadioKey

A, B = RadioKey("s/ap0/r5"), RadioKey("s/ap1/r5")
OLD = RadioKey("s/ap0/r2")
ROGUE = "0e:00:00:00:00:01"


def five(channel: int) -> Block:
    return block(Band.GHZ_5, channel, 20)


def hall() -> World:
    world = World(1, "US", start_hour=12)
    for key, x in ((A, 0.0), (B, 40.0)):
        world.add_radio(
            Radio(key=key, band=Band.GHZ_5), five(36 if key == A else 44), position=(x, 0.0, 3.0), ssid="ours"
        )
    where = block(Band.GHZ_2_4, 11, 20)
    world.add_radio(Radio(key=OLD, band=Band.GHZ_2_4), where, position=(0.0, 0.0, 3.0), ssid="ours")
    world.add_clients(6, stays=True)
    return world


def recorded(world: World) -> list[Signal]:
    signals: list[Signal] = []
    world.watch(lambda _, signal: signals.append(signal))
    return signals


def heard(world: World, bssid: str, key: RadioKey = A) -> list[NeighborReading]:
    found = read_radio(world, key, frozenset({Table.NEIGHBORS}), world.now_s).neighbors or ()
    return [each for each in found if each.bssid == bssid]


def noise_dbm(world: World, key: RadioKey) -> float:
    survey = read_radio(world, key, frozenset({Table.SURVEY}), world.now_s).survey or ()
    (noise,) = (each.noise_dbm for each in survey if each.in_use)
    assert noise is not None
    return noise


def non_wifi(world: World, key: RadioKey, seconds: float = 120.0) -> float:
    """Share of the air that is busy with neither our frames nor decoded ones."""
    rest: list[float] = []
    for _ in range(2):
        survey = read_radio(world, key, frozenset({Table.SURVEY}), world.now_s).survey or ()
        (used,) = (each for each in survey if each.in_use) if survey else (None,)
        parts = (used.busy_ms, used.rx_ms, used.tx_ms) if used else (0, 0, 0)
        busy, rx, tx = (part or 0 for part in parts)
        rest.append(busy - rx - tx)
        world.advance(world.now_s + seconds)
    return (rest[1] - rest[0]) / (seconds * 1000)


def test_a_rogue_is_heard_with_our_ssid_and_told_by_who_hears_it_best() -> None:
    world = hall()
    signals = recorded(world)
    world.hostile.add_rogue(ROGUE, five(149), (38.0, 2.0, 1.0), ssid="ours")
    (found,) = heard(world, ROGUE, B)
    assert (found.ssid, found.channel) == ("ours", 149)
    world.hostile.remove(ROGUE)
    world.hostile.remove(ROGUE)  # gone already
    assert heard(world, ROGUE, B) == []
    told = [each for each in signals if isinstance(each, RogueHeard)]
    assert [(each.radio, each.impersonates, each.over) for each in told] == [
        (B, True, False),
        (B, True, True),
    ]


def test_our_own_bssid_is_heard_where_we_are_not() -> None:
    world = hall()
    bssid = world.hostile.impersonate(A, five(157), (39.0, 1.0, 1.0))
    assert bssid == world.radio(A).bssid
    assert {each.channel for each in heard(world, bssid, B)} == {36, 157}
    assert [each.channel for each in heard(world, bssid, A)] == [157]  # a radio does not hear itself


def test_other_peoples_networks_have_names_and_are_no_rogues() -> None:
    world = hall()
    signals = recorded(world)
    world.add_foreign(ROGUE, five(149), (1.0, 2.0, 1.0), ssid="cafe")
    assert [each.ssid for each in heard(world, ROGUE)] == ["cafe"]
    world.remove_foreign(ROGUE)
    assert heard(world, ROGUE) == []
    assert signals == []


def test_a_flood_throws_clients_out_again_and_again() -> None:
    world = hall()
    people, signals = set(world.clients_of(A)), recorded(world)
    world.hostile.flood(A, 120.0)
    world.hostile.flood(A, 130.0)  # the same one goes on
    world.advance(130.0)
    assert world.radio(A).traffic.disconnects > 5 * len(people)
    world.advance(140.0)
    after = world.radio(A).traffic.disconnects
    world.advance(400.0)
    assert world.radio(A).traffic.disconnects == after
    assert set(world.clients_of(A)) == people
    told = [each for each in signals if isinstance(each, AttackHeard)]
    assert [(each.jamming, each.over) for each in told] == [(False, False), (False, True)]


def test_a_jammer_takes_the_air_and_raises_the_noise_on_all_it_covers() -> None:
    world = hall()
    signals = recorded(world)
    world.advance(60.0)
    quiet_dbm = noise_dbm(world, A)
    world.hostile.add_jammer("j", 5170, 5250, (3.0, 3.0, 1.0))
    assert noise_dbm(world, A) > quiet_dbm + 15
    assert non_wifi(world, A) > 0.9
    assert world.radio(OLD).hearing == {}
    world.remove_interferer("j")
    world.advance(world.now_s + 60)
    assert noise_dbm(world, A) == quiet_dbm
    attacks = [each for each in signals if isinstance(each, AttackHeard) and each.radio == A]
    assert [(each.jamming, each.over) for each in attacks] == [(True, False), (True, True)]


def test_a_microwave_oven_takes_half_of_the_upper_2_4_ghz_while_it_runs() -> None:
    world = hall()
    signals = recorded(world)
    world.add_microwave("kitchen", (6.0, 0.0, 1.0), 600.0, 1200.0)
    world.advance(120.0)
    assert non_wifi(world, OLD) < 0.01
    world.advance(610.0)
    assert non_wifi(world, OLD) == pytest.approx(0.5, abs=0.02)
    assert non_wifi(world, A, 1.0) < 0.01
    world.advance(1300.0)
    assert non_wifi(world, OLD) < 0.01
    told = [(each.radio, each.what, each.over) for each in signals if isinstance(each, InterferenceHeard)]
    assert told == [(OLD, "microwave oven", False), (OLD, "microwave oven", True)]


def test_channel_1_is_out_of_an_ovens_reach() -> None:
    world = hall()
    world.configure(OLD, {Setting.CHANNEL: 1})
    world.add_microwave("kitchen", (6.0, 0.0, 1.0), 10.0, 600.0)
    world.advance(60.0)
    assert non_wifi(world, OLD) < 0.01


def test_who_moves_into_interference_notices_it_and_who_leaves_it_too() -> None:
    world = hall()
    world.add_interferer("camera", 5170, 5190, (5.0, 0.0, 2.0), what="video camera")
    world.configure(A, {Setting.CHANNEL: 149})
    world.advance(10.0)
    signals = recorded(world)
    world.configure(A, {Setting.CHANNEL: 36})
    world.advance(20.0)
    world.configure(A, {Setting.CHANNEL: 149})
    world.advance(30.0)
    told = [each.over for each in signals if isinstance(each, InterferenceHeard)]
    assert told == [False, True]


def test_distant_interference_is_not_waited_for_and_costs_retries() -> None:
    near, far = hall(), hall()
    near.add_interferer("x", 5170, 5190, (5.0, 0.0, 2.0), duty_ratio=0.5)
    far.add_interferer("x", 5170, 5190, (60.0, 0.0, 2.0), duty_ratio=0.5)
    assert non_wifi(near, A) == pytest.approx(0.5, abs=0.01)
    assert non_wifi(far, A) < 0.01
    assert far.radio(A).traffic.rates.retry_ratio > hall_retries()


def hall_retries() -> float:
    world = hall()
    non_wifi(world, A)
    return world.radio(A).traffic.rates.retry_ratio
