"""What ours is compared with keeps to its rules: hostapd's formula by hand, budgets, annealing that gains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.planner.site.problem import Choice, moved, value
from agent.planner.surroundings import deferral
from benchmarks.plan_annealing import annealed
from benchmarks.plan_peers import acs, at_random, factor, interference, least_used, started
from benchmarks.plan_sites import Ear, Kind, Made, Own, Stranger, made
from inventory.channels import block, blocks
from inventory.model import Band

SITE = made(Kind(radios=16, band=Band.GHZ_5, widths_mhz=(40,), country="DE"))


def test_the_factor_is_that_of_hostapds_own_example() -> None:
    """13 ms of 162 at -113 dBm, and none at all."""
    assert factor(13 / 162, -113, -113) == pytest.approx(0.0802469, rel=1e-6)
    assert factor(0.0, -113, -113) == pytest.approx(2.51189e-23, rel=1e-5)


def _ear(band: Band, *strangers: Stranger) -> Ear:
    noise = {each.center_mhz: -95.0 for each in blocks(band, 20)}
    return Ear(band=band, own=(), strangers=strangers, non_wifi={}, noise_dbm=noise, load=0.3)


def test_a_wide_block_has_the_mean_interference_of_its_channels() -> None:
    ear = _ear(Band.GHZ_5, Stranger(block(Band.GHZ_5, 40, 20), -50.0, 0.4))
    total = interference(ear, ())
    busy = 0.4 * deferral(-50.0)
    assert total(block(Band.GHZ_5, 40, 20)) == pytest.approx(busy)
    assert total(block(Band.GHZ_5, 36, 40)) == pytest.approx(busy / 2)
    assert total(block(Band.GHZ_5, 44, 40)) == pytest.approx(0.0, abs=1e-12)


def test_in_2_4_ghz_the_next_channels_count_and_1_6_11_are_preferred() -> None:
    ear = _ear(Band.GHZ_2_4, Stranger(block(Band.GHZ_2_4, 1, 20), -50.0, 0.4))
    total = interference(ear, ())
    busy = 0.4 * deferral(-50.0)
    # channel 1: whole; 2, 3, 4 each a slot of 5 MHz less; below channel 1 there is none
    on_1 = busy * (1 + 0.85 * 3 / 4 + 0.55 * 2 / 4) / (1 + 0.85 + 0.55)
    on_5 = busy * (0 + 0.85 * 1 / 4 + 0.55 * 2 / 4) / (1 + 2 * 0.85 + 2 * 0.55)
    assert total(block(Band.GHZ_2_4, 1, 20)) == pytest.approx(0.8 * on_1)
    assert total(block(Band.GHZ_2_4, 5, 20)) == pytest.approx(on_5)


def test_own_radios_are_heard_where_they_sit_by_now() -> None:
    ear = _ear(Band.GHZ_5)
    near = Ear(
        band=ear.band,
        own=(Own(0, -50.0, 0.5),),
        strangers=(),
        non_wifi={},
        noise_dbm=ear.noise_dbm,
        load=0.3,
    )
    on_36, on_149 = block(Band.GHZ_5, 36, 20), block(Band.GHZ_5, 149, 20)
    assert interference(near, [on_36])(on_36) > 0.4
    assert interference(near, [on_149])(on_36) < 1e-9


@pytest.mark.parametrize("peer", [at_random, least_used, acs])
@pytest.mark.parametrize("most_moves", [0, 3])
def test_no_peer_makes_more_moves_than_it_may(
    peer: Callable[[Made, int | None, int], Choice], most_moves: int
) -> None:
    assert len(moved(SITE.problem, peer(SITE, most_moves, 1))) <= most_moves
    assert len(moved(SITE.problem, peer(SITE, None, 1))) > 3


@pytest.mark.parametrize("peer", [least_used, acs])
def test_those_who_go_by_what_they_hear_gain(peer: Callable[[Made, int | None, int], Choice]) -> None:
    assert value(SITE.problem, peer(SITE, None, 1)) > value(SITE.problem, started(SITE.problem))


@pytest.mark.parametrize("most_moves", [None, 0, 4])
def test_annealing_gains_within_its_moves_and_is_the_same_each_time(most_moves: int | None) -> None:
    found = annealed(SITE.problem, most_moves=most_moves, sweeps=10, seed=1)
    assert found == annealed(SITE.problem, most_moves=most_moves, sweeps=10, seed=1)
    moves, gain = (
        moved(SITE.problem, found),
        value(SITE.problem, found) - value(SITE.problem, started(SITE.problem)),
    )
    if most_moves is None:
        assert value(SITE.problem, found) > value(SITE.problem, acs(SITE, None, 1))
    else:
        assert len(moves) <= most_moves
        assert gain > 0 if most_moves else gain == 0


def test_after_annealing_no_single_move_pays() -> None:
    found = annealed(SITE.problem, most_moves=None, sweeps=3, seed=2)
    reached = value(SITE.problem, found)
    for index, member in enumerate(SITE.problem.members):
        for option in range(len(member.options)):
            assert value(SITE.problem, (*found[:index], option, *found[index + 1 :])) <= reached + 1e-9
