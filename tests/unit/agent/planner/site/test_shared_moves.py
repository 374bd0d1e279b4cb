"""Moves that bands share: the best way to share them, and what no way exceeds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.small import Ap, mutual, never, view
from unit.agent.planner.site.test_search import problems

from agent.planner.site.build import graph
from agent.planner.site.exact import Solved, solved
from agent.planner.site.plan import Wishes
from agent.planner.site.problem import Choice, Problem, moved, objective
from agent.planner.site.solving import proven, solutions
from inventory.model import Band, RadioKey

PRICE = 0.0
exact = partial(solved, limit_s=60.0)


def by_moves(problem: Problem) -> dict[int, float]:
    """The best objective with just so many moves, by trying everything."""
    found: dict[int, float] = {}
    for choice in product(*(range(len(member.options)) for member in problem.members)):
        count = len(moved(problem, choice))
        found[count] = max(found.get(count, -1e9), objective(problem, choice, PRICE))
    return found


def other(problem: Problem) -> Problem:
    """With other radios."""
    members = tuple(replace(each, key=RadioKey(each.key.replace("r5", "r6"))) for each in problem.members)
    return replace(problem, members=members)


@settings(max_examples=10, deadline=None)
@given(one=problems(3, 3), two=problems(3, 3), most=st.integers(0, 6), few=st.sampled_from([0, 6]))
def test_bands_share_moves_as_well_as_can_be_and_the_bound_is_of_every_way_to_share_them(
    one: tuple[Problem, Choice], two: tuple[Problem, Choice], most: int, few: int
) -> None:
    bands, wishes = (one[0], other(two[0])), Wishes(most_moves=most, least_gain=0.0)
    true = max(
        a + b
        for (some, a), (more, b) in product(by_moves(bands[0]).items(), by_moves(bands[1]).items())
        if some + more <= most
    )
    searched = solutions(bands, wishes, lambda _: never)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("agent.planner.site.solving.FEW", few)
        found, spare = proven(searched, wishes, exact)
    reached = sum(objective(each.problem, each.end, PRICE) for each in found)
    assert sum(len(moved(each.problem, each.end)) for each in found) <= most
    assert spare is not None
    assert reached <= true + 1e-6
    assert reached + spare >= true - 1e-6
    assert reached >= sum(objective(each.problem, each.end, PRICE) for each in searched) - 1e-9
    if few:
        assert reached == pytest.approx(true, abs=2e-4)
        assert spare == pytest.approx(0.0, abs=4e-4)


def test_a_move_goes_to_the_band_in_which_it_brings_more_also_from_a_swap() -> None:
    """Half of the swap in 5 GHz costs much, so counting out takes the one move of 2.4 GHz; but the whole swap
    brings less than that one."""
    built = view(
        {
            "x": Ap(on="36/20", channels=(36, 44), hears={"y": -50.0}, strangers=(("36/20", -50.0, 0.2),)),
            "y": Ap(on="44/20", channels=(36, 44), hears={"x": -50.0}, strangers=(("44/20", -50.0, 0.2),)),
            "a": Ap(on="1/20", band=Band.GHZ_2_4, channels=(1, 6), hears={"b": -50.0}),
            "b": Ap(on="1/20", band=Band.GHZ_2_4, channels=(1, 6), hears={"a": -50.0}),
        }
    )
    wishes = Wishes(most_moves=2, least_gain=0.0)
    found = solutions(graph(built).problems, wishes, lambda _: never)
    assert {each.problem.band: len(moved(each.problem, each.end)) for each in found} == {
        Band.GHZ_2_4: 1,
        Band.GHZ_5: 0,
    }


def test_what_nobody_can_bound_has_no_bound() -> None:
    near = mutual("a", "b")
    built = graph(view({name: Ap(hears=near[name]) for name in near})).problems

    def unbound(problem: Problem, start: Choice, *, most_moves: int | None, move_price: float) -> Solved:
        return Solved(choice=start, objective=objective(problem, start, move_price), bound=None)

    wishes = Wishes(most_moves=1)
    assert proven(solutions(built, wishes, lambda _: never), wishes, unbound)[1] is None
