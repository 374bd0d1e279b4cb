"""The exact solver against trying everything."""

from __future__ import annotations

import math
import sys
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.test_search import problems

from agent.planner.site import exact
from agent.planner.site.exact import NoSolverError, solved
from agent.planner.site.parts import Part
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem, moved, objective
from inventory.channels import block
from inventory.model import Band, radio_key


def best(problem: Problem, most_moves: int | None, move_price: float) -> float:
    """By trying everything."""
    choices = product(*(range(len(member.options)) for member in problem.members))
    fitting = (each for each in choices if most_moves is None or len(moved(problem, each)) <= most_moves)
    return max(objective(problem, each, move_price) for each in fitting)


ROUNDING = 1e-9
"""Nats. The same sum in another order; what is compared has no more than a few tens of them."""


@settings(max_examples=40, deadline=None)
@given(given=problems(4, 4), most_moves=st.none() | st.integers(0, 3), price=st.floats(0, 0.3))
def test_no_choice_beats_the_bound_and_the_best_is_found(
    given: tuple[Problem, Choice], most_moves: int | None, price: float
) -> None:
    problem, start = given
    found = solved(problem, start, most_moves=most_moves, move_price=price, limit_s=60)
    true = best(problem, most_moves, price)
    assert found.bound is not None
    assert found.bound >= true - ROUNDING
    assert found.bound == pytest.approx(true, abs=1e-4)
    assert found.objective == pytest.approx(true, abs=1e-4)
    assert found.objective == objective(problem, found.choice, price)
    assert most_moves is None or len(moved(problem, found.choice)) <= most_moves


@settings(max_examples=25, deadline=None)
@given(given=problems(5, 3), most_moves=st.none() | st.integers(0, 3))
def test_a_bound_holds_however_early_it_is_asked_for(
    given: tuple[Problem, Choice], most_moves: int | None
) -> None:
    problem, start = given
    found = solved(problem, start, most_moves=most_moves, limit_s=0.0)
    assert found.bound is not None
    assert found.bound >= best(problem, most_moves, 0.0) - ROUNDING
    assert found.objective >= objective(problem, start) - ROUNDING


def test_who_has_no_time_left_learns_what_all_would_have_if_each_were_alone() -> None:
    problem = four()
    found = solved(problem, (0, 0, 0, 0), stop=lambda: True)
    assert found.choice == (0, 0, 0, 0)
    assert found.bound == 0.0


def test_no_part_gets_more_work_than_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    given, limit_s = list[float](), 0.01
    for name in ("best", "above"):
        real = getattr(exact, name)

        def counted(
            part: Part, price: Any, least: float, most_work: float, *rest: Any, ask: Any = real
        ) -> Any:
            given.append(most_work)
            return ask(part, price, least, most_work, *rest)

        monkeypatch.setattr(exact, name, counted)
    solved(four(), (0, 0, 0, 0), limit_s=limit_s)
    assert given
    assert max(given) <= limit_s * exact.WORK_A_S
    assert given == sorted(given, reverse=True)


def test_a_start_with_too_many_moves_is_refused() -> None:
    member = Member(key=radio_key("s", "a", "r"), options=(on(1), on(6)), now=0)
    with pytest.raises(ValueError, match="the start has 1 moves, more than 0"):
        solved(Problem(band=Band.GHZ_2_4, members=(member,)), (1,), most_moves=0)


def test_four_who_hear_each_other_on_three_channels_pair_the_two_that_bear_it_best() -> None:
    """Worked by hand: whoever shares loses ln(1.5) each; the two faint ones lose ln(1.1)."""
    found = solved(four(), (0, 0, 0, 0))
    assert found.choice[1] == found.choice[2]
    assert found.bound == pytest.approx(-2 * math.log(1.1), abs=1e-5)
    assert found.objective == pytest.approx(-2 * math.log(1.1))


def four() -> Problem:
    """All hear each other; the second and the third hardly."""
    members = tuple(
        Member(key=radio_key("s", f"ap{each}", "r"), options=(on(1), on(6), on(11)), now=0)
        for each in range(4)
    )
    loss = {(a, b): 0.1 if (a, b) == (1, 2) else 0.5 for b in range(4) for a in range(b)}
    pairs = tuple(Pair(a, b, each, each, 0.0, 0.0) for (a, b), each in loss.items())
    return Problem(band=Band.GHZ_2_4, members=members, pairs=pairs)


def test_without_or_tools_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools.sat.python", None)
    with pytest.raises(NoSolverError, match=r"^OR-tools is not installed"):
        solved(Problem(band=Band.GHZ_5, members=()), ())


def on(channel: int) -> Option:
    return Option(block=block(Band.GHZ_2_4, channel, 20), worth=0.0)


@settings(max_examples=25, deadline=None)
@given(given=problems(5, 3), most_moves=st.none() | st.integers(0, 3), price=st.floats(0, 0.3))
def test_the_bound_of_clusters_holds_too(
    given: tuple[Problem, Choice], most_moves: int | None, price: float
) -> None:
    problem, start = given
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "EASY", 2)
        patch.setattr(exact, "HARD", 3)
        found = solved(problem, start, most_moves=most_moves, move_price=price)
    assert found.bound is not None
    assert found.bound >= best(problem, most_moves, price) - ROUNDING
    assert found.objective >= objective(problem, start, price) - ROUNDING
