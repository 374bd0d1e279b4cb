"""Who is put together when a site is too large to be solved as a whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from unit.agent.planner.site.test_search import problems

from agent.planner.site.clusters import clusters, inside
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem, contention
from inventory.channels import block
from inventory.model import Band, radio_key


def lined_up(*losses: float) -> Problem:
    """Radios in a row, each of which hears the next."""
    option = Option(block=block(Band.GHZ_5, 36, 20), worth=0.0)
    members = tuple(
        Member(key=radio_key("s", f"ap{each}", "r"), options=(option,)) for each in range(len(losses) + 1)
    )
    pairs = tuple(Pair(each, each + 1, loss, loss, 0.0, 0.0) for each, loss in enumerate(losses))
    return Problem(band=Band.GHZ_5, members=members, pairs=pairs)


def test_those_who_are_most_in_each_others_way_are_together() -> None:
    assert list(clusters(lined_up(0.9, 0.1, 0.8, 0.2, 0.7), 2)) == [(0, 1), (2, 3), (4, 5)]


def test_who_hears_nobody_is_alone() -> None:
    assert list(clusters(lined_up(0.5, 0.0), 3)) == [(0, 1), (2,)]


@given(given=problems(6, 2), most=st.integers(1, 6))
def test_everybody_is_in_one_cluster_and_loses_no_more_than_before(
    given: tuple[Problem, Choice], most: int
) -> None:
    problem, choice = given
    found = list(clusters(problem, most))
    assert sorted(each for one in found for each in one) == list(range(len(choice)))
    assert max(map(len, found)) <= most
    whole = contention(problem, choice)
    for one in found:
        there = contention(inside(problem, one), tuple(choice[each] for each in one))
        assert all(less <= whole[each] + 1e-12 for less, each in zip(there, one, strict=True))
