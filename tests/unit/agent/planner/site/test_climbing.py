"""Moves one by one: what the budget is spent on."""

from __future__ import annotations

import numpy as np
import pytest

from agent.planner.site.arrays import arrays
from agent.planner.site.climbing import Climb
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem
from inventory.channels import blocks
from inventory.model import Band, RadioKey


def site(*near: tuple[int, int]) -> Problem:
    """Four radios on one channel that would have a second one, a little better; the last two hear each other
    well, and those ``near`` a little."""
    here, there = blocks(Band.GHZ_5, 20)[:2]
    options = (Option(block=here, worth=3.0), Option(block=there, worth=3.05))
    members = tuple(
        Member(key=RadioKey(f"lab/ap{index}/r5"), options=options, now=0, weight=1.0 + index / 10)
        for index in range(4)
    )
    pairs = (Pair(a, b, 0.01, 0.01, 0.0, 0.0) for a, b in near)
    return Problem(band=Band.GHZ_5, members=members, pairs=(Pair(2, 3, 1.0, 1.0, 0.0, 0.0), *pairs))


def climbed(problem: Problem, start: Choice, most_moves: int | None) -> Choice:
    free = np.ones(len(start), bool)
    climb = Climb.of(arrays(problem), np.array(start), free, most_moves, lambda: False)
    assert climb.up()
    return tuple(int(each) for each in climb.state.option)


@pytest.mark.parametrize("near", [(), ((0, 3),), ((0, 2), (0, 3))])
def test_a_move_is_taken_back_for_one_that_brings_more(near: tuple[tuple[int, int], ...]) -> None:
    assert climbed(site(*near), (1, 0, 0, 0), 1) == (0, 0, 0, 1)


def test_at_the_budget_the_moves_that_bring_least_are_taken_back() -> None:
    assert climbed(site(), (1, 1, 0, 1), 1) == (0, 0, 0, 1)
    assert climbed(site(), (1, 1, 0, 1), 2) == (0, 1, 0, 1)


def test_without_a_budget_all_go_where_it_is_better() -> None:
    assert climbed(site(), (0, 0, 0, 0), None) == (1, 1, 0, 1)
