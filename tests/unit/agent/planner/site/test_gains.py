"""What each move brings by itself; only moves that pay stay in a plan."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.test_search import problems

from agent.planner.site.gains import Gains, brings, kept
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem, moved, value
from inventory.channels import Block, blocks
from inventory.model import Band, radio_key


def other(problem: Problem, choice: Choice, member: int, option: int) -> Choice:
    assert problem.members
    return (*choice[:member], option, *choice[member + 1 :])


@given(given=problems(), data=st.data())
@settings(max_examples=60)
def test_a_gain_is_the_difference_of_the_sites_value(
    given: tuple[Problem, Choice], data: st.DataObject
) -> None:
    problem, choice = given
    gains = Gains(problem, choice)
    for _ in range(3):  # kept up to date by moves
        member = data.draw(st.integers(0, len(problem.members) - 1))
        option = data.draw(st.integers(0, len(problem.members[member].options) - 1))
        there = other(problem, gains.choice, member, option)
        assert gains.of(member, option) == pytest.approx(
            value(problem, there) - value(problem, gains.choice), abs=1e-9
        )
        gains.put(member, option)
        assert gains.choice == there


@given(
    given=problems(),
    least=st.floats(0.0, 0.5),
    most=st.none() | st.integers(0, 3),
    data=st.data(),
)
@settings(max_examples=60)
def test_every_move_left_pays_by_itself_and_no_others_are_made(
    given: tuple[Problem, Choice], least: float, most: int | None, data: st.DataObject
) -> None:
    problem, _ = given
    choice = tuple(data.draw(st.integers(0, len(member.options) - 1)) for member in problem.members)
    found, moves = kept(problem, choice, least, most)
    assert set(moves) == set(moved(problem, found)) <= set(moved(problem, choice))
    assert most is None or len(moves) <= most
    for member, gain in moves.items():
        now = problem.members[member].now
        assert now is not None
        without = other(problem, found, member, now)
        assert gain == pytest.approx(value(problem, found) - value(problem, without), abs=1e-9)
        assert gain - problem.members[member].options[found[member]].move_cost >= least
        assert brings(Gains(problem, found), member) == pytest.approx(gain, abs=1e-9)
    assert all(  # who has no place now keeps the one that it is given
        found[index] == choice[index] for index, member in enumerate(problem.members) if member.now is None
    )


def test_what_a_move_brings_is_told_without_those_that_were_dropped_two_hops_away() -> None:
    """The one in the middle hears both others; the first goes back, since moving costs it too much."""
    here, there = blocks(Band.GHZ_5, 20)[:2]

    def member(name: str, cost: float, *where: Block) -> Member:
        options = tuple(
            Option(block=each, worth=3.0, move_cost=cost if each == there else 0.0) for each in where
        )
        return Member(key=radio_key("lab", name, "r5"), options=options, now=0)

    problem = Problem(
        band=Band.GHZ_5,
        members=(member("a", 9.0, here, there), member("b", 0.0, here), member("c", 0.0, here, there)),
        pairs=(Pair(0, 1, 0.3, 0.3, 0.0, 0.0), Pair(1, 2, 0.3, 0.3, 0.0, 0.0)),
    )
    found, moves = kept(problem, (1, 0, 1), 0.1)
    assert found == (0, 0, 1)
    assert moves == {2: pytest.approx(value(problem, (0, 0, 1)) - value(problem, (0, 0, 0)))}
