"""A building of any size, and a day of trouble in it."""

from __future__ import annotations

from collections import Counter

import pytest

from drivers.signals import Signal
from drivers.simulated.campus import campus, place
from drivers.simulated.propagation import Rooms
from drivers.simulated.trouble import Incident, Trouble, a_day, arm
from drivers.simulated.world import World
from drivers.types import RadioState
from inventory.channels import overlap_ratio
from inventory.model import Band
from inventory.regulatory import refusal


def test_site_and_world_agree() -> None:
    made = campus(12, 1)
    assert set(made.world.radio_keys()) == set(made.site.radios)
    assert len(made.site.aps) == len(made.site.devices) == 12
    for key, radio in made.site.radios.items():
        assert made.world.radio(key).position == made.site.aps[key.split("/")[1]].position_m
        assert refusal("US", made.world.block_of(key), radio) is None
    assert made.site.devices["ap1"].options["world"] == "campus"


def test_the_same_seed_builds_the_same_campus() -> None:
    blocks = [
        [str(made.world.block_of(key)) for key in made.world.radio_keys()]
        for made in (
            campus(30, 1, clients_per_ap=0),
            campus(30, 1, clients_per_ap=0),
            campus(30, 2, clients_per_ap=0),
        )
    ]
    assert blocks[0] == blocks[1] != blocks[2]


def test_what_is_left_of_the_factory_makes_neighbours_share_a_channel() -> None:
    def sharing(forgotten_ratio: float) -> int:
        world = campus(40, 1, forgotten_ratio=forgotten_ratio, clients_per_ap=0).world
        return sum(
            1
            for key in world.radio_keys()
            for loss, other in world.ether.hearing.of[key]
            if other.eirp_dbm - loss >= -75 and overlap_ratio(world.block_of(key), other.block)
        )

    assert sharing(0.5) > 1.3 * sharing(0.0)


def test_rooms_count_what_is_between() -> None:
    rooms = Rooms(room_m=15, wall_db=6, storey_m=4, floor_db=18)
    assert rooms.loss_db((0, 0, 3), (7, -7, 1)) == 0
    assert rooms.loss_db((0, 0, 3), (15, 0, 3)) == 6
    assert rooms.loss_db((0, 0, 3), (30, 15, 3)) == 18
    assert rooms.loss_db((0, 0, 3), (0, 0, 11)) == 36


def test_aps_hang_one_to_a_room_storey_by_storey() -> None:
    assert place(0) == (0, 0, 3)
    assert place(11) == (15, 15, 3)
    assert place(50) == (0, 0, 7)


@pytest.mark.parametrize("aps", [12, 70])
def test_every_client_finds_an_ap(aps: int) -> None:
    world = campus(aps, 1, start_hour=14).world
    there = sum(len(world.clients_of(key)) for key in world.radio_keys())
    assert there > 0.5 * aps * 15
    by_band = Counter(
        world.radio(key).radio.band for key in world.radio_keys() for _ in world.clients_of(key)
    )
    assert min(by_band[Band.GHZ_2_4], by_band[Band.GHZ_5]) > aps


# trouble


def told(world: World) -> list[Signal]:
    signals: list[Signal] = []
    world.watch(lambda _, signal: signals.append(signal))
    return signals


def test_the_same_seed_brings_the_same_trouble() -> None:
    days = [a_day(campus(100, 1, clients_per_ap=0).world, seed) for seed in (3, 3, 4)]
    assert days[0] == days[1] != days[2]
    assert {each.trouble for each in days[0]} >= set(Trouble) - {Trouble.RESETTING_RADIO}
    assert list(days[0]) == sorted(days[0], key=lambda each: (each.at_s, each.name))


def test_ovens_run_at_meals_and_crowds_come_in_working_hours() -> None:
    day = a_day(campus(100, 1, start_hour=6.0, clients_per_ap=0).world, 1)
    hours = {
        trouble: {int(each.at_s / 3600 + 6) % 24 for each in day if each.trouble is trouble}
        for trouble in (Trouble.MICROWAVE, Trouble.CROWD)
    }
    assert hours[Trouble.MICROWAVE] <= {7, 8, 12, 13, 18, 19}
    assert hours[Trouble.CROWD] <= set(range(9, 17))


def test_half_a_day_brings_half_as_much() -> None:
    world = campus(100, 1, clients_per_ap=0).world
    counts = [
        sum(each.trouble is Trouble.LOADED_NEIGHBOUR for each in a_day(world, 1, hours=h)) for h in (24, 12)
    ]
    assert counts == [8, 4]


def every_kind(world: World) -> list[Incident]:
    """One of each, together, and two of some on the same radio: nothing may trip over the other."""
    (key, *_) = (each for each in world.radio_keys() if each.endswith("r5"))
    return [
        Incident(
            trouble=trouble,
            at_s=600.0 + 30.0 * nth,
            until_s=3000.0 + 10.0 * nth,
            radio=key,
            place=(3.0, 3.0, 1.0),
            number=nth,
        )
        for trouble in Trouble
        for nth in range(2)
    ]


def test_after_the_trouble_everything_is_as_before() -> None:
    world = campus(12, 1, clients_per_ap=4).world
    signals = told(world)
    arm(world, every_kind(world))
    world.advance(9000.0)
    assert all(world.radio(key).state is RadioState.ON_AIR for key in world.radio_keys())
    assert all(world.hardware.answers(key) for key in world.radio_keys())
    assert not any(world.radio(key).stuck or world.radio(key).broken for key in world.radio_keys())
    assert world.ether.interferers == {}
    assert not any(bssid.startswith(("0e:", "02:")) for bssid in world.ether.foreign)
    kinds = {type(each).__name__ for each in signals}
    assert kinds >= {"RadioFault", "AttackHeard", "RogueHeard", "InterferenceHeard", "RadarDetected"}


def test_a_day_of_trouble_costs_throughput() -> None:
    got = []
    for troubled in (False, True):
        world = campus(12, 1, start_hour=11.0, clients_per_ap=6).world
        if troubled:
            arm(world, every_kind(world))
        world.advance(3600.0)
        got.append(sum(each.delivered_bytes for each in world.people.served().values()))
    assert got[1] < got[0]
