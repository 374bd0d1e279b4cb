"""A few radios re-planned exactly among others that stay."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.test_search import problems

from agent.planner.site.polish import around, polished
from agent.planner.site.problem import Choice, Problem, moved, objective, values

FEW = st.frozensets(st.integers(0, 4), min_size=1, max_size=2)


@settings(max_examples=30, deadline=None)
@given(given=problems(5, 3), few=FEW, more=st.none() | st.integers(0, 2), price=st.floats(0, 0.3))
def test_they_are_where_they_are_best_with_the_others_where_they_were(
    given: tuple[Problem, Choice], few: frozenset[int], more: int | None, price: float
) -> None:
    problem, start = given
    few = frozenset(each for each in few if each < len(start))
    most = None if more is None else len(moved(problem, start)) + more
    found = polished(problem, start, few, most_moves=most, move_price=price)
    assert all(found[each] == start[each] for each in range(len(start)) if each not in few)
    assert most is None or len(moved(problem, found)) <= most
    options = [
        range(len(member.options)) if index in few else [start[index]]
        for index, member in enumerate(problem.members)
    ]
    fitting = (each for each in product(*options) if most is None or len(moved(problem, each)) <= most)
    best = max(objective(problem, each, price) for each in fitting)
    assert objective(problem, found, price) == pytest.approx(best, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(given=problems(6, 3), few=FEW)
def test_what_lies_farther_off_is_in_their_neighbours_way_as_before(
    given: tuple[Problem, Choice], few: frozenset[int]
) -> None:
    problem, start = given
    few = frozenset(each for each in few if each < len(start))
    small, kept = around(problem, start, few)
    there = tuple(start[each] if each in few else 0 for each in kept)
    whole = values(problem, start)
    assert values(small, there) == pytest.approx([whole[each] for each in kept])
