"""People: who is there when, who walks, crowds, and what everybody wanted and got."""

from __future__ import annotations

import statistics

import pytest

from drivers.simulated.people import ARRIVE_S
from drivers.simulated.reading import read_radio
from drivers.simulated.world import World
from drivers.types import Setting, Table
from inventory.channels import block
from inventory.model import Band, Radio, RadioKey

A, B = RadioKey("s/ap0/r5"), RadioKey("s/ap1/r5")
OLD = RadioKey("s/ap0/r2")
NEAR_A, NEAR_B = (1.0, 1.0, 1.0), (59.0, 1.0, 1.0)
MAC = "06:ff:00:00:00:01"


def hall(start_hour: float = 12.0, width_mhz: int = 20) -> World:
    """Two APs 60 m apart; the first has a 2.4 GHz radio too."""
    world = World(1, "US", start_hour=start_hour)
    for key, x, channel in ((A, 0.0, 36), (B, 60.0, 149)):
        where = block(Band.GHZ_5, channel, width_mhz)
        world.add_radio(Radio(key=key, band=Band.GHZ_5), where, position=(x, 0.0, 3.0))
    where = block(Band.GHZ_2_4, 6, 20)
    world.add_radio(Radio(key=OLD, band=Band.GHZ_2_4), where, position=(0.0, 0.0, 3.0))
    return world


def attached(world: World) -> int:
    return sum(len(world.clients_of(key)) for key in world.radio_keys())


def test_more_people_are_there_by_day_than_by_night() -> None:
    world = hall(0.0)
    world.people.settle(((0.0, 0.0, 3.0),), 60)
    there: dict[int, list[int]] = {}
    for hour in range(1, 25):
        world.advance(3600.0 * hour)
        there.setdefault(hour // 12 % 2, []).append(attached(world))
    night = statistics.fmean([*there[0][2:7]])  # 3 to 8
    day = statistics.fmean([*there[1][1:6]])  # 13 to 18
    assert day > 1.5 * night


def test_a_crowd_comes_within_minutes_and_goes_again() -> None:
    world = hall()
    world.people.add_crowd((60.0, 0.0, 3.0), 40, 600.0, 4200.0)
    counts = []
    for at_s in (599.0, 600.0 + ARRIVE_S, 4100.0, 4200.0 + ARRIVE_S):
        world.advance(at_s)
        counts.append(len(world.clients_of(B)))
    assert counts == [0, 40, 40, 0]
    world.advance(20_000.0)
    assert attached(world) == 0


def test_who_walks_roams_and_keeps_one_identity() -> None:
    world = hall()
    world.add_client(MAC, NEAR_A, walk=(NEAR_A, NEAR_B))
    seen = []
    for minute in range(1, 121):
        world.advance(60.0 * minute)
        (radio,) = (key for key in (A, B) if MAC in world.clients_of(key))
        seen.append(radio)
    assert set(seen) == {A, B}
    assert world.radio(A).traffic.disconnects == 0  # it roamed


def test_who_has_one_place_stays_there() -> None:
    world = hall()
    world.add_client(MAC, NEAR_A, walk=(NEAR_A,))
    world.advance(36_000.0)
    assert world.clients_of(A) == (MAC,)


def test_who_has_only_2_4_ghz_uses_it() -> None:
    world = hall()
    world.add_client(MAC, NEAR_A, only=Band.GHZ_2_4)
    assert world.clients_of(OLD) == (MAC,)
    world.restart(OLD)
    world.advance(20.0)
    assert world.clients_of(OLD) == (MAC,)


@pytest.mark.parametrize(("can", "told"), [(20, 20), (80, 80), (160, 160)])
def test_a_client_says_how_wide_it_can(can: int, told: int) -> None:
    world = hall()
    world.add_client(MAC, NEAR_A, max_width_mhz=can)
    (client,) = read_radio(world, A, frozenset({Table.CLIENTS}), world.now_s).clients or ()
    assert client.max_width_mhz == told


def test_who_can_only_20_mhz_gains_nothing_by_a_wider_channel() -> None:
    delivered = {}
    for width in (20, 80):
        for can in (20, 80):
            world = hall(width_mhz=width)
            world.add_client(MAC, NEAR_A, 1000.0, max_width_mhz=can)
            world.advance(600.0)
            delivered[width, can] = world.people.served()[MAC].delivered_bytes
    assert delivered[80, 20] == pytest.approx(delivered[20, 20], rel=0.01)
    assert delivered[80, 80] > 3 * delivered[20, 80]


def test_what_clients_got_is_what_radios_sent_and_no_more_than_they_wanted() -> None:
    world = hall()
    world.people.settle(((0.0, 0.0, 3.0), (60.0, 0.0, 3.0)), 10, walk_every=2)
    world.people.add_crowd((0.0, 0.0, 3.0), 30, 900.0, 3600.0, mbps=3.0)
    world.at(1800.0, lambda: world.reboot("s/ap1"))
    world.at(2400.0, lambda: world.configure(A, {Setting.TX_POWER_DBM: 8}))
    world.at(3000.0, lambda: world.configure(A, {Setting.CHANNEL: 44, Setting.WIDTH_MHZ: 40}))
    world.advance(7200.0)
    served = world.people.served()
    sent = sum(tally.bytes for tally in world.people.sent().values())
    assert sum(each.delivered_bytes for each in served.values()) == pytest.approx(sent)
    assert sent > 0
    for each in served.values():
        assert each.delivered_bytes <= each.wanted_bytes * (1 + 1e-9)
        assert each.present_s <= 7200.0


def test_served_since_then() -> None:
    world = hall()
    world.add_client(MAC, NEAR_A, 1.0)
    world.advance(3600.0)
    before = world.people.served()[MAC]
    world.advance(4200.0)
    found = world.people.served()[MAC].since(before)
    assert found.present_s == 600.0
    assert found.ratio == pytest.approx(1.0)
    assert found.mbps == pytest.approx(0.9, abs=0.1)  # near the busiest hour
    assert world.people.served()[MAC].since(None) == world.people.served()[MAC]


def test_who_was_never_there_has_no_share() -> None:
    world = hall()
    world.people.add_crowd((0.0, 0.0, 3.0), 1, 900.0, 3600.0)
    (never,) = world.people.served().values()
    assert (never.mbps, never.ratio) == (None, None)


def test_a_client_of_a_changed_radio_keeps_its_counters() -> None:
    """Another width or power reaches it in another way; its own totals do not begin anew."""
    world = hall()
    world.add_client(MAC, NEAR_A, 5.0)
    before = 0
    for at, values in enumerate(({}, {Setting.TX_POWER_DBM: 5}, {Setting.WIDTH_MHZ: 40})):
        if values:
            world.configure(A, values)
        world.advance(60.0 * (at + 1))
        (client,) = read_radio(world, A, frozenset({Table.CLIENTS}), world.now_s).clients or ()
        assert client.tx_frames is not None
        assert client.tx_frames > before
        before = client.tx_frames


def test_a_hint_moves_some_of_those_that_hear_another_radio_well() -> None:
    world = hall()
    for nth in range(40):
        world.add_client(f"06:ff:00:00:01:{nth:02x}", (1.0 + nth / 10, 1.0, 1.0))
    world.add_client(MAC, NEAR_B)
    assert len(world.clients_of(A)) == 40
    hinted = world.clients_of(A)[:20]
    world.steer(A, hinted, (world.radio(OLD).bssid,))
    world.steer(B, (), ())  # hears nobody else
    world.advance(10.0)
    moved = set(world.clients_of(OLD))
    assert 5 <= len(moved) <= 19
    assert moved <= set(hinted)
    assert world.clients_of(B) == (MAC,)
    assert world.radio(A).traffic.disconnects == 0


def test_who_came_once_and_left_is_no_burden() -> None:
    world = hall()
    before = len(world.ether.hearing._places)
    world.people.add_crowd((0.0, 0.0, 3.0), 5, 900.0, 3600.0)
    world.advance(3000.0)
    assert len(world.ether.hearing._places) == before + 5
    world.advance(7200.0)
    assert len(world.ether.hearing._places) == before
    assert len(world.people.served()) >= 5
