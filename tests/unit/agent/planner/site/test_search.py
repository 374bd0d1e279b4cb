"""The local search: never worse than its start, within its moves, and as good as trying everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.planner.site.arrays import arrays, batch, move, prospects, standing, totals
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem, moved, objective
from agent.planner.site.search import improved
from inventory.channels import blocks
from inventory.model import Band, RadioKey

EXAMPLES = settings(max_examples=40, deadline=None)
costs = st.floats(0.0, 2.0)


@st.composite
def problems(draw: st.DrawFn, most: int = 6, most_options: int = 6) -> tuple[Problem, Choice]:
    band = draw(st.sampled_from([Band.GHZ_2_4, Band.GHZ_5, Band.GHZ_6]))
    widths = (20, 40) if band is Band.GHZ_2_4 else (20, 40, 80)
    universe = [each for width in widths for each in blocks(band, width)]
    near = draw(st.integers(1, len(universe)))  # few blocks: they are in each other's way
    some = st.lists(st.sampled_from(universe[:near]), min_size=1, max_size=most_options, unique=True)
    members = []
    for index in range(draw(st.integers(1, most))):
        options = tuple(
            Option(
                block=block,
                worth=draw(st.floats(2.0, 6.0)),
                foreign=draw(costs),
                move_cost=draw(st.floats(0, 0.2)),
            )
            for block in draw(some)
        )
        now = draw(st.none() | st.integers(0, len(options) - 1))
        members.append(
            Member(
                key=RadioKey(f"lab/ap{index}/r5"), options=options, now=now, weight=draw(st.floats(0.2, 3.0))
            )
        )
    pairs = tuple(
        Pair(a, b, *draw(st.tuples(costs, costs, costs, costs)))
        for b in range(len(members))
        for a in range(b)
        if draw(st.booleans())
    )
    start = tuple(
        member.now if member.now is not None else draw(st.integers(0, len(member.options) - 1))
        for member in members
    )
    return Problem(band=band, members=tuple(members), pairs=pairs), start


def never() -> bool:
    return False


@EXAMPLES
@given(given=problems(), price=st.floats(0.0, 0.3))
def test_gains_of_all_options_are_differences_of_the_objective(
    given: tuple[Problem, Choice], price: float
) -> None:
    problem, start = given
    table = arrays(problem, move_price=price)
    state = standing(table, start)
    seen = prospects(table, state, batch(table, np.arange(len(start))))
    for index, member in enumerate(problem.members):
        for option in range(len(member.options)):
            there = (*start[:index], option, *start[index + 1 :])
            expected = objective(problem, there, price) - objective(problem, start, price)
            assert seen[index, option] - seen[index, start[index]] == pytest.approx(expected, abs=1e-9)
        assert (seen[index, len(member.options) :] == -np.inf).all()


@EXAMPLES
@given(given=problems(), data=st.data())
def test_after_moves_the_standing_is_as_if_counted_anew(
    given: tuple[Problem, Choice], data: st.DataObject
) -> None:
    problem, start = given
    table = arrays(problem, copies=2)
    state = standing(table, start * 2)
    members = np.array(data.draw(st.lists(st.integers(0, 2 * len(start) - 1), unique=True)), np.intp)
    options = np.array(
        [data.draw(st.integers(0, len(problem.members[each % len(start)].options) - 1)) for each in members],
        np.intp,
    )
    move(table, state, members, options)
    again = standing(table, state.option)
    np.testing.assert_allclose(state.load, again.load)
    np.testing.assert_array_equal(state.block, again.block)
    halves = state.option.reshape(2, -1)
    expected = [objective(problem, tuple(half)) for half in halves]
    np.testing.assert_allclose(totals(table, state), expected)


@EXAMPLES
@given(
    given=problems(),
    price=st.floats(0.0, 0.3),
    most=st.none() | st.integers(0, 3),
    looks=st.integers(0, 400),
)
def test_never_worse_than_its_start_and_within_its_moves_whenever_it_is_stopped(
    given: tuple[Problem, Choice], price: float, most: int | None, looks: int
) -> None:
    problem, start = given
    left = iter(range(looks))

    def stop() -> bool:
        return next(left, None) is None

    found = improved(problem, start, most_moves=most, move_price=price, stop=stop, seed=1, rounds=2)
    assert objective(problem, found, price) >= objective(problem, start, price)
    assert most is None or len(moved(problem, found)) <= most


@EXAMPLES
@given(given=problems(), price=st.floats(0.0, 0.3), most=st.none() | st.integers(0, 3))
def test_no_move_is_better_taken_back(given: tuple[Problem, Choice], price: float, most: int | None) -> None:
    problem, start = given
    found = improved(problem, start, most_moves=most, move_price=price, stop=never, seed=1, rounds=1)
    for each in moved(problem, found):
        back = (*found[:each], start[each], *found[each + 1 :])
        assert objective(problem, back, price) <= objective(problem, found, price) + 1e-9


@EXAMPLES
@given(given=problems(most=4, most_options=4), price=st.floats(0.0, 0.3), most=st.none() | st.integers(0, 3))
def test_finds_the_best_of_a_small_site(
    given: tuple[Problem, Choice], price: float, most: int | None
) -> None:
    problem, start = given
    everything = product(*(range(len(member.options)) for member in problem.members))
    allowed = (each for each in everything if most is None or len(moved(problem, each)) <= most)
    best = max(objective(problem, each, price) for each in allowed)
    found = improved(problem, start, most_moves=most, move_price=price, stop=never, seed=1)
    assert objective(problem, found, price) == pytest.approx(best, abs=1e-9)


def crowd(radios: int, now: int | None = 0) -> Problem:
    """Radios that all hear each other, all on the first of as many channels as there are."""
    options = tuple(Option(block=block, worth=3.0) for block in blocks(Band.GHZ_5, 20))
    members = tuple(
        Member(key=RadioKey(f"lab/ap{index}/r5"), options=options, now=now) for index in range(radios)
    )
    pairs = (Pair(a, b, 0.5, 0.5, 0.5, 0.5) for b in range(radios) for a in range(b))
    return Problem(band=Band.GHZ_5, members=members, pairs=tuple(pairs))


def test_a_crowd_spreads_and_just_one_stays() -> None:
    problem = crowd(12)
    found = improved(problem, (0,) * 12, most_moves=None, move_price=0.05, stop=never, seed=3, rounds=1)
    assert len(set(found)) == 12
    assert len(moved(problem, found)) == 11


def test_a_crowd_with_few_moves_gives_each_of_them_a_channel_of_its_own() -> None:
    problem = crowd(12)
    found = improved(problem, (0,) * 12, most_moves=4, move_price=0.0, stop=never, seed=3, rounds=1)
    assert len(set(found)) == 5
    assert len(moved(problem, found)) == 4


def test_radios_without_a_place_are_no_moves() -> None:
    found = improved(
        crowd(12, now=None), (0,) * 12, most_moves=0, move_price=9.0, stop=never, seed=3, rounds=1
    )
    assert len(set(found)) == 12


def test_the_same_seed_gives_the_same_choice() -> None:
    problem = crowd(16)
    first, second, other = (
        improved(problem, (0,) * 16, most_moves=10, move_price=0.0, stop=never, seed=seed, rounds=1)
        for seed in (5, 5, 6)
    )
    assert first == second != other


def test_stopped_at_once_it_is_the_start() -> None:
    start = (0,) * 12
    stopped = improved(crowd(12), start, most_moves=None, move_price=0.0, stop=lambda: True, seed=3)
    assert stopped == start


def test_a_start_with_too_many_moves_is_refused() -> None:
    with pytest.raises(ValueError, match="the start has 3 moves, more than 2"):
        improved(crowd(3), (1, 2, 3), most_moves=2, move_price=0.0, stop=never, seed=3, rounds=1)


def test_who_can_only_be_in_one_place_stays_there() -> None:
    problem = crowd(2)
    pinned = replace(problem.members[0], options=problem.members[0].options[:1])
    problem = replace(problem, members=(pinned, problem.members[1]))
    found = improved(problem, (0, 0), most_moves=None, move_price=0.0, stop=never, seed=3, rounds=1)
    assert found[0] == 0 != found[1]
