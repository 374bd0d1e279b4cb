"""Filling one part of the spectrum at a price, against trying everything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.test_search import problems

from agent.planner.site.arrays import Floats
from agent.planner.site.fillings import above, best
from agent.planner.site.parts import Filling, Part, parts_of
from agent.planner.site.problem import Choice, Problem, value

MUCH = 1e9
PRICES = st.lists(st.floats(0.0, 5.0), min_size=6, max_size=6)


def everything(part: Part) -> Iterator[Filling]:
    """All fillings: each radio on one of its seats or, unless it must be there, on none."""
    rows = [
        [*np.flatnonzero(part.radio == each), *([] if each in part.must else [None])]
        for each in np.unique(part.radio)
    ]
    for taken in product(*rows):
        yield tuple(sorted(int(seat) for seat in taken if seat is not None))


def brings(part: Part, price: Floats, filling: Filling) -> float:
    return part.worth(filling) - float(price[list(filling)].sum())


def all_parts(problem: Problem) -> list[Part]:
    return parts_of(problem, tuple(tuple(range(len(each.options))) for each in problem.members), 0.0)


@settings(max_examples=40, deadline=None)
@given(given=problems(6, 3), prices=PRICES)
def test_the_best_filling_is_found_and_nothing_is_said_to_be_better(
    given: tuple[Problem, Choice], prices: list[float]
) -> None:
    for part in all_parts(given[0]):
        price = np.array(prices)[part.radio]
        true = max(brings(part, price, each) for each in everything(part))
        found = best(part, price, -np.inf, MUCH)
        assert found.whole
        assert found.bound == pytest.approx(true, abs=1e-6)
        assert best(part, price, -np.inf, 1.0).bound >= true - 1e-9
        stopped = best(part, price, -np.inf, MUCH, lambda: True)
        assert stopped.bound >= true - 1e-9
        assert stopped.whole == (stopped.work == 0)
        assert not above(part, price, -np.inf, MUCH, 10**6, lambda: True).whole
        for much, filling in found.fillings:
            assert much == pytest.approx(brings(part, price, filling))


@settings(max_examples=40, deadline=None)
@given(given=problems(5, 3), prices=PRICES, least=st.floats(-2.0, 2.0))
def test_all_fillings_above_a_line_are_found(
    given: tuple[Problem, Choice], prices: list[float], least: float
) -> None:
    for part in all_parts(given[0]):
        price = np.array(prices)[part.radio]
        found = {filling for _, filling in above(part, price, least, MUCH, 10**6).fillings}
        much = {each: brings(part, price, each) for each in everything(part)}
        assert {each for each in much if much[each] > least + 1e-9} <= found
        assert found <= {each for each in much if much[each] > least - 1e-9}


@given(given=problems(6, 3))
def test_a_sites_value_is_the_sum_over_its_parts(given: tuple[Problem, Choice]) -> None:
    problem, choice = given
    costless = sum(part.worth(part.of(choice)) for part in all_parts(problem))
    moves = sum(
        member.options[at].move_cost
        for member, at in zip(problem.members, choice, strict=True)
        if member.now not in (None, at)
    )
    assert costless + moves == pytest.approx(value(problem, choice))
