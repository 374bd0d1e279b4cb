"""Power of a whole site: coverage before overlap, a step at a time, never everybody, and an end to it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import pytest
from floors import NEAR, PLAN, WISHES, Floor, key_of, powers, rounds, row, why_left
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.test_matrix import ALL_ABLE
from unit.agent.planner.test_power import step

from agent.airtime import ChannelAir
from agent.change import Cause, State
from agent.planner import legal
from agent.planner.obss_pd import LEAST_DBM, most_power_dbm
from agent.planner.site import cells
from agent.planner.site.power import EVERYWHERE, PowerPlan, planned_power, with_powers
from agent.planner.site.power_value import rate_nats
from agent.planner.site.problem import value, values
from agent.planner.site.ration import MOST_HARM, most_of
from drivers.types import RadioState, Setting
from inventory import regulatory
from inventory.channels import block
from inventory.model import Band

TX_POWER = Setting.TX_POWER_DBM
HOLE = (-45.0, -50.0, *(-73.0,) * 8)
"""Clients that hear 16 dBm with -72 dBm: 5 dB short."""


# -- down --------------------------------------------------------------------------------------------------


def test_of_two_that_overlap_one_is_lowered_and_then_the_other() -> None:
    floor = row(2, 5.0)
    assert floor.hears_dbm(0, 1) == pytest.approx(-51.0, abs=0.1)
    first = floor.planned()
    assert powers(first) == {0: 17}
    assert first.moves[0].reasons == ("cells_overlap",)
    assert why_left(first) == {1: "enough_of_them_in_one_plan"}
    assert powers(floor.after(first.moves).planned()) == {1: 17}
    last = rounds(floor)[-1]
    assert last.power == (11, 11)
    assert last.hears_dbm(0, 1) == pytest.approx(PLAN.overlap_dbm, abs=0.1)


def test_of_those_that_overlap_one_at_a_time() -> None:
    floor = row(6, 5.0)
    assert floor.hears_dbm(0, 2) == pytest.approx(PLAN.overlap_dbm, abs=0.1)
    assert set(powers(floor.planned())) == {0, 3}
    left = why_left(floor.planned())
    assert left[1] == left[2] == "a_neighbour_first"
    assert left[4] == left[5] == "enough_of_them_in_one_plan"


def test_cells_on_different_channels_do_not_overlap() -> None:
    assert row(2, 5.0, channel=(36, 40)).planned() == PowerPlan()


def test_a_difference_smaller_than_the_hysteresis_is_left_alone() -> None:
    assert row(2, 5.0, power=12).hears_dbm(0, 1) > PLAN.overlap_dbm
    assert row(2, 5.0, power=12).planned() == PowerPlan()
    eager = replace(PLAN, power_hysteresis_db=1)
    assert powers(row(2, 5.0, power=12, plan=eager).planned()) == {0: 11}


def test_never_lowered_below_what_its_clients_need() -> None:
    """A client heard at -70 dBm that sends with 15 dBm hears 20 dBm with -65."""
    edge = (-70.0, *NEAR[1:])
    floor = row(2, 5.0, clients=(edge[:5], edge[:5]))
    assert not floor.planned().moves
    assert why_left(floor.planned()) == {0: "coverage_would_suffer", 1: "coverage_would_suffer"}
    assert rounds(row(2, 5.0, clients=((-66.0,) * 10, NEAR)))[-1].power == (17, 11)


def test_the_bond_with_the_second_neighbour_is_kept() -> None:
    at_m = ((0.0, 0.0), (3.0, 0.0), (25.0, 0.0))
    last = rounds(row(3, 5.0, at_m=at_m, channel=(36, 36, 149)))[-1]
    assert last.power[0] < 20
    for n in (0, 1):
        heard = sorted((last.hears_dbm(m, n) for m in range(3) if m != n), reverse=True)
        assert heard[0] > PLAN.overlap_dbm + 3, "it would be lowered further by that alone"
        assert heard[1] + cells.HALFWAY_DB >= PLAN.coverage_dbm


def test_a_far_third_neighbour_holds_nobody() -> None:
    at_m = ((0.0, 0.0), (3.0, 0.0), (6.0, 0.0), (60.0, 0.0))
    assert powers(row(4, 0.0, at_m=at_m, channel=(36, 36, 36, 149)).planned())


def test_no_step_down_that_costs_its_own_clients_a_tenth() -> None:
    """From 30 dB of SNR to 21 the best modulation is lost."""
    steep = row(2, 5.0, plan=replace(PLAN, power_step_db=10)).planned()
    assert not steep.moves
    assert set(why_left(steep).values()) == {"somebody_would_lose_too_much"}


def test_a_radio_that_moves_is_planned_from_the_power_that_is_lawful_there() -> None:
    """149 allows it 25 dBm with this antenna, 36 no more than 18."""
    floor = row(2, 2.0, power=22, channel=(149, 149), radio={"antenna_gain_dbi": 5.0})
    problem, choice = replace(floor, channel=(36, 36)).problem()
    (move,) = planned_power(floor.view(), [problem], [choice], WISHES).moves
    assert (dict(move.target), move.by_db) == ({TX_POWER: 15}, -7)


def test_nobody_is_lowered_beside_an_ap_that_is_down() -> None:
    floor = row(3, 5.0)
    view = floor.view()
    dead = view.radios[key_of(2)]
    assert dead.reading is not None
    off = replace(dead, reading=replace(dead.reading, state=RadioState.OFF))
    plan = floor.planned(view=replace(view, radios={**view.radios, key_of(2): off}))
    assert not plan.moves
    assert why_left(plan) == {0: "neighbour_is_down", 1: "neighbour_is_down"}


def test_a_radio_that_helps_a_dead_neighbour_is_left_alone() -> None:
    helping = replace(row(2, 5.0).view(), changes=(step(1, key_of(0), 14),))
    assert powers(row(2, 5.0).planned(view=helping)) == {1: 17}


def test_what_was_rolled_back_lately_is_not_asked_for_again() -> None:
    undone = replace(
        step(1, key_of(0), 20), cause=Cause.SPECTRUM_SAT, state=State.ROLLED_BACK, target={TX_POWER: 17}
    )
    plan = row(2, 5.0).planned(view=replace(row(2, 5.0).view(), changes=(undone,)))
    assert powers(plan) == {1: 17}
    assert why_left(plan) == {0: "rolled_back_lately"}
    other = replace(undone, target={TX_POWER: 14})
    assert powers(row(2, 5.0).planned(view=replace(row(2, 5.0).view(), changes=(other,)))) == {0: 17}


# -- up ----------------------------------------------------------------------------------------------------


def test_a_radio_whose_clients_lack_coverage_is_raised_step_by_step() -> None:
    sparse = row(3, 80.0, power=16, clients=(NEAR, HOLE, NEAR), channel=(36, 44, 149))
    assert powers(sparse.planned()) == {1: 19}
    assert sparse.planned().moves[0].reasons == ("coverage_missing",)
    assert [floor.power[1] for floor in rounds(sparse)] == [16, 19, 21]


def test_clients_that_are_nearer_to_a_neighbour_are_no_hole() -> None:
    """A neighbour may serve them better: to be louder still would only hold them."""
    dense = row(3, 10.0, power=16, clients=(NEAR, HOLE, NEAR), channel=(36, 44, 149))
    assert not dense.planned().moves


@pytest.mark.parametrize(("far", "raised"), [(1, False), (2, False), (3, True)])
def test_one_far_client_drags_nobody(far: int, raised: bool) -> None:
    clients = (*NEAR, *(-80.0,) * far)
    sparse = row(3, 80.0, power=16, clients=(NEAR, clients, NEAR), channel=(36, 44, 149))
    assert bool(sparse.planned().moves) is raised


def test_clients_that_could_not_answer_are_no_reason_for_power() -> None:
    beyond = row(3, 200.0, power=16, clients=(NEAR, (-88.0,) * 10, NEAR), channel=(36, 44, 149))
    assert not beyond.planned().moves


def test_no_ap_is_raised_far_above_its_clients() -> None:
    """They could not answer. The law would allow 30 dBm on 149."""
    short = row(3, 80.0, power=18, clients=(NEAR, (-81.0,) * 10, NEAR), channel=(36, 149, 44))
    assert rounds(short)[-1].power[1] == cells.BALANCED_DBM


def test_a_site_that_lacks_coverage_everywhere_is_not_turned_up() -> None:
    sparse = row(4, 80.0, power=16, clients=(HOLE,) * 4, channel=(36, 44, 149, 157))
    plan = sparse.planned()
    assert not plan.moves
    assert set(why_left(plan).values()) == {"coverage_missing_everywhere"}
    half = replace(sparse, clients=(HOLE, NEAR, HOLE, NEAR))
    assert powers(half.planned()) == {0: 19}


def test_coverage_comes_before_overlap() -> None:
    """Whoever lacks coverage is raised although its neighbour on the channel hears it too loud."""
    crowded = replace(PLAN, overlap_dbm=-95.0)
    floor = row(3, 80.0, power=16, clients=(NEAR, HOLE, NEAR), plan=crowded)
    assert powers(floor.planned())[1] == 19
    assert rounds(floor)[-1].power[1] == 21


QUIET = -88.0
"""How loud those hear each other that are 36.9 m apart and send with 9 dBm."""


def test_not_even_coverage_may_cost_somebody_a_tenth() -> None:
    def pair(step_db: int) -> Floor:
        return row(2, 36.9, power=9, clients=(NEAR, HOLE), plan=replace(PLAN, power_step_db=step_db))

    assert pair(12).hears_dbm(0, 1) == pytest.approx(QUIET, abs=0.1)
    assert powers(pair(3).planned()) == {1: 12}
    assert why_left(pair(12).planned()) == {1: "somebody_would_lose_too_much"}


def test_what_two_cost_a_third_is_added_up() -> None:
    between = tuple((36.9 * n, 0.0) for n in range(3))
    apart = tuple((1000.0 * n, 500.0) for n in range(1, 4))
    plan = replace(PLAN, power_step_db=8)
    clients = (HOLE, NEAR, HOLE, NEAR, NEAR, NEAR)
    both = row(6, 0.0, at_m=between + apart, power=9, clients=clients, plan=plan).planned()
    assert powers(both) == {0: 17}
    assert why_left(both) == {2: "somebody_would_lose_too_much"}


# -- limits ------------------------------------------------------------------------------------------------


def test_only_powers_that_the_radio_can_be_set_to() -> None:
    floor = row(2, 5.0, choices=(8, 11, 14, 17, 20))
    assert powers(floor.planned()) == {0: 17}
    coarse = row(2, 5.0, choices=(8, 14, 20)).planned()
    assert not coarse.moves
    assert why_left(coarse)[0] == "no_power_choice_within_a_step"
    fine = row(3, 80.0, power=16, clients=(NEAR, HOLE, NEAR), channel=(36, 44, 149), choices=(13, 16, 17, 20))
    assert why_left(fine.planned()) == {1: "power_at_its_limit"}, "a dB is less than the hysteresis"


def test_neither_law_nor_site_file_is_left() -> None:
    short = row(3, 80.0, power=12, clients=(NEAR, (-81.0,) * 10, NEAR), channel=(44, 36, 149))
    lawful = replace(short, radio={"antenna_gain_dbi": 5.0})
    assert regulatory.max_power_dbm("US", block(Band.GHZ_5, 36, 20), lawful.site.radios[key_of(1)]) == 18
    assert rounds(lawful)[-1].power[1] == 18
    assert why_left(rounds(lawful)[-1].planned()) == {1: "power_at_its_limit"}
    wider = replace(lawful, radio={"antenna_gain_dbi": 5.0, "power_dbm": (10, 25)})
    assert rounds(wider)[-1].power[1] == 18
    assert rounds(replace(wider, choices=(12, 15, 18, 21)))[-1].power[1] == 18
    assert rounds(replace(short, radio={"power_dbm": (10, 17)}))[-1].power[1] == 17
    assert rounds(row(2, 2.0, radio={"power_dbm": (17, 23)}))[-1].power == (17, 17)


def test_an_obss_pd_level_that_may_not_be_touched_limits_the_power() -> None:
    level = (-82, -76, -82)
    floor = row(3, 80.0, power=15, clients=(NEAR, HOLE, NEAR), channel=(36, 44, 149), level=level)
    kept = floor.planned(replace(WISHES, obss_pd=False))
    assert not kept.moves
    assert why_left(kept) == {1: "power_at_its_limit"}


def test_what_is_pinned_or_elsewhere_is_left_alone() -> None:
    assert row(2, 5.0, radio={"pinned": True}).planned() == PowerPlan()
    assert row(2, 5.0).planned(replace(WISHES, zone="hall")) == PowerPlan()
    assert row(2, 5.0).planned(replace(WISHES, power=False)) == PowerPlan()


def test_a_device_that_can_not_set_power_is_left_alone() -> None:
    scopes: dict[Setting, str] = dict.fromkeys(set(Setting) - {Setting.TX_POWER_DBM}, "radio")
    assert not row(2, 5.0, able=replace(ALL_ABLE, settings=MappingProxyType(scopes))).planned().moves
    whole = {**scopes, Setting.TX_POWER_DBM: "rf_profile"}
    assert not row(2, 5.0, able=replace(ALL_ABLE, settings=MappingProxyType(whole))).planned().moves


@pytest.mark.parametrize(
    ("able", "dbm"),
    [({"choices": (5, 10, 15, 20)}, 15), ({}, 17), ({"radio": {"power_dbm": (5, 14)}}, 14)],
    ids=["choices", "any", "site file"],
)
def test_a_radio_that_moves_is_reckoned_with_the_power_that_is_written_with_it(
    able: dict[str, Any], dbm: int
) -> None:
    floor = row(1, 0.0, power=17, **able)
    view, away = floor.view(), block(Band.GHZ_5, 149, 20)
    problem, choice = replace(floor, channel=(149,)).problem()
    (cell,) = cells.cells(view, problem, choice, {})
    written = legal.moved_to(view, view.radios[key_of(0)], away)
    assert cell.power_dbm == written[Setting.TX_POWER_DBM] == dbm
    (stays,) = cells.cells(view, *floor.problem(), {})
    assert stays.power_dbm == 17
    japan = replace(view, site=replace(view.site, country="JP"))
    (barred,) = cells.cells(japan, problem, choice, {})
    assert barred.power_dbm == 17, "an open change leads there, and the law is another by now"


def test_the_bounds_of_a_radio_do_not_move_with_its_power() -> None:
    """Else it would never come to rest."""
    found = []
    for power in (12, 20):
        floor = row(3, 20.0, power=power, clients=(HOLE, NEAR, NEAR))
        view, (problem, choice) = floor.view(), floor.problem()
        known = cells.cells(view, problem, choice, cells.heard_levels(view, Band.GHZ_5))
        found.append([(each.need_dbm, each.least_dbm, each.most_dbm) for each in known])
    assert found[0] == found[1]


# -- what it is worth --------------------------------------------------------------------------------------


def test_the_gain_of_a_move_is_what_the_site_loses_without_it() -> None:
    eager = replace(PLAN, overlap_dbm=-95.0, power_step_db=6, coverage_dbm=-95.0)
    floor = row(3, 40.0, power=14, plan=eager)
    view, moves = floor.view(), floor.planned().moves
    (problem, choice), (after, _) = floor.problem(), floor.after(moves).problem()
    weights = zip(problem.members, (0.5, 2.0, 0.75), strict=True)
    problem = replace(problem, members=tuple(replace(each, weight=weight) for each, weight in weights))
    (moves,) = [planned_power(view, [problem], [choice], WISHES).moves]
    assert len(moves) == 1
    then = with_powers(view, problem, moves)
    assert moves[0].gain == pytest.approx(value(then, choice) - value(problem, choice), abs=1e-9)
    assert moves[0].gain > 0.01
    for told, measured in zip(then.pairs, after.pairs, strict=True):
        assert tuple(told) == pytest.approx(tuple(measured)), "the same as if it were measured anew"


def test_a_step_up_wins_the_rate_that_the_same_step_down_loses() -> None:
    noisy = {5180: ChannelAir(noise_dbm=-80.0, listened_ms=100, age_s=1.0)}
    low, high = (
        replace(row(1, 0.0, clients=((dbm,) * 3,)).view().radios[key_of(0)], air=noisy)
        for dbm in (-73.0, -70.0)
    )
    assert rate_nats(low, 3) == pytest.approx(-rate_nats(high, -3))
    assert rate_nats(low, 3) > 0.1
    assert rate_nats(low, 0) == 0.0


# -- what always holds -------------------------------------------------------------------------------------

spots = st.tuples(st.integers(0, 120), st.integers(0, 40)).map(lambda at: (float(at[0]), float(at[1])))


def each(count: int, of: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(of, min_size=count, max_size=count).map(tuple)


@st.composite
def floors(draw: st.DrawFn) -> Floor:
    count = draw(st.integers(2, 9))
    loud, faint = st.integers(-90, -40), st.integers(-82, -70)
    clients = st.lists((loud | faint).map(float), max_size=12).map(tuple)
    return Floor(
        at_m=tuple(draw(st.lists(spots, min_size=count, max_size=count, unique=True))),
        power=draw(each(count, st.integers(5, 20))),
        clients=tuple(draw(st.lists(clients, min_size=count, max_size=count))),
        channel=draw(each(count, st.sampled_from((36, 44)))),
        choices=draw(st.sampled_from((None, tuple(range(3, 24)), (5, 8, 11, 14, 17, 20, 23)))),
        level=draw(each(count, st.sampled_from((-82, -82, -79)))),
    )


def way(before: Floor, after: Floor) -> list[int]:
    pairs = zip(before.power, after.power, strict=True)
    return [(then > now) - (then < now) for now, then in pairs]


@settings(max_examples=40, deadline=None)
@given(floor=floors())
def test_every_plan_keeps_the_rules_and_the_plans_come_to_an_end(floor: Floor) -> None:
    found = rounds(floor)
    went: list[set[int]] = [set() for _ in floor.power]
    for before, after in pairwise(found):
        _rule_of_the_site(before, after)
        _limits_of_each(before, after)
        _harm(before, after)
        for ways, now in zip(went, way(before, after), strict=True):
            ways.add(now)
    assert not any({-1, 1} <= ways for ways in went), "up in one plan, down in another"


def _rule_of_the_site(before: Floor, after: Floor) -> None:
    went, size = way(before, after), len(before.power)
    for direction in (-1, 1):
        same = {n for n in range(size) if went[n] == direction}
        assert len(same) <= most_of(size) < size
        for n in range(size):
            near, beside = (_hearing(before, n, dbm) for dbm in (-82.0, PLAN.overlap_dbm))
            assert len(same & near) <= most_of(len(near)) < max(2, len(near))
            assert n not in same or same & beside == {n}
    short = [n for n in range(size) if _missing_db(before, n) >= PLAN.power_hysteresis_db]
    assert len(short) <= max(1, size // EVERYWHERE) or 1 not in went


def _hearing(floor: Floor, n: int, least_dbm: float) -> set[int]:
    others = {m for m in range(len(floor.power)) if m != n}
    return {n} | {m for m in others if max(floor.hears_dbm(n, m), floor.hears_dbm(m, n)) >= least_dbm}


def _missing_db(floor: Floor, n: int) -> int:
    view, (problem, choice) = floor.view(), floor.problem()
    return cells.cells(view, problem, choice, cells.heard_levels(view, Band.GHZ_5))[n].missing_db


def _limits_of_each(before: Floor, after: Floor) -> None:
    for n, (now, then) in enumerate(zip(before.power, after.power, strict=True)):
        if now != then:
            assert abs(then - now) <= PLAN.power_step_db
            assert abs(then - now) >= PLAN.power_hysteresis_db or after.levels[n] != before.levels[n]
            assert before.choices is None or then in before.choices
            assert then <= 23
            assert after.levels[n] == LEAST_DBM or then <= most_power_dbm(after.levels[n])


def _harm(before: Floor, after: Floor) -> None:
    (problem, choice), (changed, _) = before.problem(), after.problem()
    pairs = zip(values(problem, choice), values(changed, choice), strict=True)
    assert all(then - now >= -MOST_HARM for now, then in pairs)


@settings(max_examples=40, deadline=None)
@given(floor=floors())
def test_no_plan_takes_coverage_away(floor: Floor) -> None:
    """Clients of a radio that is lowered, all but the weakest tenth, still hear it well enough, and so does
    one halfway to its second neighbour."""
    after = floor.after(floor.planned().moves)
    for n, (was, power) in enumerate(zip(floor.power, after.power, strict=True)):
        if power >= was:
            continue
        heard = [after.hears_dbm(m, n) for m in range(len(after.power)) if m != n]
        assert sorted(heard)[-2:][0] + cells.HALFWAY_DB >= PLAN.coverage_dbm
        if signals := sorted(floor.clients[n]):
            weakest = signals[math.floor(len(signals) * cells.WEAKEST)]
            assert weakest + power - cells.CLIENT_DBM >= PLAN.coverage_dbm + PLAN.power_hysteresis_db
