"""OBSS-PD in a site plan: up where it pays, down where it does not any more, never against coverage."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType

import pytest
from floors import NEAR, PLAN, WISHES, Floor, key_of, powers, reuse_levels, rounds, row, why_left
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.test_channel import heard
from unit.agent.planner.test_matrix import ALL_ABLE, changed, said

from agent.airtime import ChannelAir
from agent.planner.obss_pd import LEAST_DBM, most_level_dbm, most_power_dbm
from drivers.types import NeighborReading, Setting

HOLE = (-45.0, -50.0, *(-73.0,) * 8)
CROWD = tuple(heard(36, -79.0, n) for n in range(1, 30))
SCOPES = dict.fromkeys(Setting, "radio")


def alone(level: int = LEAST_DBM, power: int = 15, crowd: tuple[NeighborReading, ...] = CROWD) -> Floor:
    """One radio among faint strangers on its channel."""
    return row(1, 0.0, power=power, level=(level,), strangers=crowd)


@pytest.mark.parametrize("level", range(-82, -61))
def test_the_coupling_read_either_way_is_one(level: int) -> None:
    assert most_level_dbm(most_power_dbm(level)) == level


def test_no_level_is_needed_for_more_power_than_the_reference() -> None:
    assert most_level_dbm(23) == LEAST_DBM


# -- up ----------------------------------------------------------------------------------------------------


def test_a_level_goes_up_a_step_where_it_pays() -> None:
    plan = alone().planned()
    assert (reuse_levels(plan), powers(plan)) == ({0: -79}, {})
    assert plan.moves[0].reasons == ("defer_less_to_faint_bsss",)
    assert plan.moves[0].gain > 0.1


def test_level_and_power_are_one_change() -> None:
    plan = alone(power=20).planned()
    assert [dict(move.target) for move in plan.moves] == [
        {Setting.OBSS_PD_DBM: -79, Setting.TX_POWER_DBM: 18}
    ]


def test_the_power_that_is_given_up_is_counted() -> None:
    """The same step, for clients of 20 dB over the noise: for nothing, and for 2 dB."""
    gains = []
    for power in (18, 20):
        floor = replace(alone(power=power), clients=((-66.0,) * 10,))
        noisy = ChannelAir(noise_dbm=-86.0, age_s=1e9)
        view = changed(floor.view(), key_of(0), air={5180: noisy})
        gains += [move.gain for move in floor.planned(view=view).moves]
    free, dear = gains
    assert free - dear > 0.08


def test_it_gives_up_no_more_power_than_a_step() -> None:
    assert not alone(power=22).planned().moves


def test_not_where_nobody_is_faint_on_the_channel() -> None:
    loud = tuple(heard(36, -50.0, n) for n in range(1, 30))
    elsewhere = tuple(heard(149, -79.0, n) for n in range(1, 30))
    for crowd in (loud, elsewhere, ()):
        assert not alone(crowd=crowd).planned().moves


def test_not_where_clients_or_neighbours_need_the_power() -> None:
    edge = (-69.0,) * 10
    assert not replace(alone(power=20), clients=(edge,)).planned().moves
    assert replace(alone(power=18), clients=(edge,)).planned().moves, "no power is given up for it"
    far = row(2, 30.0, power=20, channel=(36, 149), strangers=CROWD)
    assert not far.planned().moves


def test_coverage_is_given_power_and_no_level_that_would_keep_it_down() -> None:
    floor = row(3, 80.0, power=18, clients=(NEAR, HOLE, NEAR), channel=(44, 36, 149), strangers=CROWD)
    plan = floor.planned()
    assert powers(plan) == {1: 21}
    assert 1 not in reuse_levels(plan)


def test_never_beyond_the_policys_limit() -> None:
    crowd = tuple(heard(36, -79.0, n) for n in range(1, 60))
    view = alone(-79, 10, crowd).view()
    site = replace(view.site, policy=replace(view.site.policy, obss_pd_most_dbm=-78))
    assert reuse_levels(alone(-79, 10).planned(view=replace(view, site=site))) == {0: -78}
    at_top = replace(site, policy=replace(site.policy, obss_pd_most_dbm=-79))
    assert not alone(-79, 10).planned(view=replace(view, site=at_top)).moves


def test_of_two_neighbours_one_at_a_time() -> None:
    floor = row(6, 2.0, power=15, strangers=CROWD, plan=replace(PLAN, power_step_db=1))
    assert set(reuse_levels(floor.planned())) == {0, 4}


@pytest.mark.parametrize(
    "able",
    [
        replace(ALL_ABLE, obss_pd_acts=False),
        replace(ALL_ABLE, settings=MappingProxyType({**SCOPES, Setting.OBSS_PD_DBM: "rf_profile"})),
        replace(ALL_ABLE, settings=MappingProxyType({Setting.TX_POWER_DBM: "radio"})),
    ],
    ids=["does not act at once", "of other radios too", "not settable"],
)
def test_only_where_the_driver_says_that_it_works(able: object) -> None:
    for level, crowd in ((LEAST_DBM, CROWD), (-76, ())):
        assert not replace(alone(level, crowd=crowd), able=able).planned().moves  # type: ignore[arg-type]


def test_not_where_level_or_power_is_not_reported() -> None:
    for untold in ("obss_pd_dbm", "tx_power_dbm"):
        view = said(alone().view(), key_of(0), **{untold: None})
        assert not alone().planned(view=view).moves


def test_not_where_nobody_wishes_it() -> None:
    assert not alone().planned(replace(WISHES, obss_pd=False)).moves
    assert reuse_levels(alone().planned(replace(WISHES, power=False))) == {0: -79}


def test_no_power_is_given_up_for_a_level_where_nobody_wishes_other_powers() -> None:
    assert powers(alone(power=20).planned()) == {0: 18}
    assert not alone(power=20).planned(replace(WISHES, power=False)).moves
    assert reuse_levels(alone(power=18).planned(replace(WISHES, power=False))) == {0: -79}


def test_a_radio_that_can_not_lower_its_power_keeps_its_level() -> None:
    able = replace(ALL_ABLE, settings=MappingProxyType({Setting.OBSS_PD_DBM: "radio"}))
    assert not replace(alone(power=20), able=able).planned().moves
    assert replace(alone(power=15), able=able).planned().moves


# -- down --------------------------------------------------------------------------------------------------


def test_a_level_goes_down_when_the_strangers_are_gone() -> None:
    plan = alone(-76, crowd=()).planned()
    assert reuse_levels(plan) == {0: -79}
    assert plan.moves[0].reasons == ("faint_bsss_are_gone",)
    assert [floor.levels[0] for floor in rounds(alone(-76, crowd=()))] == [-76, -79, -82]


def test_a_level_goes_down_when_it_hardly_pays() -> None:
    few = (heard(36, -80.0, 1),)
    plan = alone(-76, crowd=few).planned()
    assert plan.moves[0].reasons == ("level_no_longer_pays",)
    assert -0.05 < plan.moves[0].gain <= 0.0


def test_between_going_up_and_coming_down_nothing_is_changed() -> None:
    """What is not worth a step up is not taken back at once either."""
    at_rest = [
        number
        for number in range(30)
        if not alone(-79, crowd=CROWD[:number]).planned().moves
        and not alone(-82, crowd=CROWD[:number]).planned().moves
    ]
    assert at_rest
    for number in range(30):
        low = rounds(alone(-82, crowd=CROWD[:number]))
        assert [floor.levels[0] for floor in low] == sorted(floor.levels[0] for floor in low)


def test_coverage_takes_back_the_level_that_keeps_its_power_down() -> None:
    floor = row(3, 80.0, power=15, clients=(NEAR, HOLE, NEAR), channel=(44, 36, 149), level=(-82, -76, -82))
    floor = replace(floor, strangers=CROWD)
    plan = floor.planned()
    (move,) = [each for each in plan.moves if each.radio == key_of(1)]
    assert dict(move.target) == {Setting.OBSS_PD_DBM: -79, Setting.TX_POWER_DBM: 18}
    assert move.reasons == ("coverage_missing", "coverage_needs_the_power")
    assert (rounds(floor)[-1].power[1], rounds(floor)[-1].levels[1]) == (21, LEAST_DBM)


def test_no_level_is_taken_back_for_power_that_can_not_be_had() -> None:
    capped = row(
        3,
        80.0,
        power=15,
        clients=(NEAR, HOLE, NEAR),
        channel=(44, 36, 149),
        level=(-82, -76, -82),
        strangers=CROWD,
        radio={"power_dbm": (5, 15)},
    )
    assert 1 not in reuse_levels(capped.planned())


def test_why_the_power_is_left_is_told_beside_another_level() -> None:
    short = row(
        3,
        80.0,
        power=15,
        clients=(NEAR, HOLE, NEAR),
        channel=(44, 36, 149),
        level=(-82, -76, -82),
        radio={"power_dbm": (5, 15)},
    )
    assert (powers(short.planned()), reuse_levels(short.planned())) == ({}, {1: -79})
    assert why_left(short.planned()) == {1: "power_at_its_limit"}
    loud = row(2, 5.0, power=15, clients=((-64.0,) * 10, (-64.0,) * 10), level=(-76, -76))
    assert (powers(loud.planned()), set(reuse_levels(loud.planned()).values())) == ({}, {-79})
    assert "coverage_would_suffer" in why_left(loud.planned()).values()


def test_a_level_over_what_the_power_allows_comes_down_to_it() -> None:
    """Somebody set it by hand."""
    floor = alone(-70, power=15)
    assert reuse_levels(floor.planned()) == {0: -76}
    assert floor.planned().moves[0].reasons == ("level_over_what_its_power_allows",)


# -- what always holds -------------------------------------------------------------------------------------


@st.composite
def floors(draw: st.DrawFn) -> Floor:
    count = draw(st.integers(1, 4))
    spots = st.tuples(st.integers(0, 150).map(float), st.just(0.0))
    signals = st.lists(st.integers(-82, -45).map(float), max_size=12).map(tuple)
    power = draw(st.lists(st.integers(5, 20), min_size=count, max_size=count))
    strangers = draw(st.lists(st.integers(-85, -60), max_size=20))
    return Floor(
        at_m=tuple(draw(st.lists(spots, min_size=count, max_size=count, unique=True))),
        power=tuple(power),
        clients=tuple(draw(st.lists(signals, min_size=count, max_size=count))),
        channel=(36,) * count,
        level=tuple(draw(st.integers(-82, max(-82, most_level_dbm(each)))) for each in power),
        strangers=tuple(heard(36, float(dbm), n) for n, dbm in enumerate(strangers)),
    )


@settings(max_examples=25, deadline=None)
@given(floor=floors())
def test_plans_come_to_an_end_and_keep_power_and_level_together(floor: Floor) -> None:
    """A level may have to come down for coverage, or after a time of going up; it does not go up again."""
    found = rounds(floor)
    for before, after in pairwise(found):
        for n, move in enumerate(after.levels):
            assert move - before.levels[n] <= 3
            if (after.power[n], move) != (before.power[n], before.levels[n]):
                assert LEAST_DBM <= move <= -62
                assert move == LEAST_DBM or after.power[n] <= most_power_dbm(move)
    for n in range(len(floor.power)):
        went = [after.levels[n] - before.levels[n] for before, after in pairwise(found)]
        went = [each for each in went if each]
        assert sum((a > 0) is not (b > 0) for a, b in pairwise(went)) <= 1
