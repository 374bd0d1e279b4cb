"""What holds of every plan, whatever the site is like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.agent.planner.site.small import NOW, never
from unit.agent.planner.site.test_plan_properties import sites
from unit.agent.planner.site.test_search import problems

from agent.planner import legal
from agent.planner.site.exact import solved
from agent.planner.site.plan import Plan, Wishes
from agent.planner.site.planning import planned
from agent.planner.site.problem import Choice, Option, Pair, Problem, objective
from agent.planner.site.search import improved
from agent.view import SiteView, block_in_values
from drivers.types import Reported
from inventory import regulatory
from inventory.channels import Block, blocks
from inventory.model import RadioKey

wishes = st.builds(
    Wishes,
    most_moves=st.none() | st.integers(0, 3),
    least_gain=st.floats(0, 0.3),
    seed=st.integers(0, 9),
    power=st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(seen=sites(), wished=wishes)
def test_every_plan_and_every_step_on_the_way_is_legal(seen: SiteView, wished: Wishes) -> None:
    plan = planned(seen, wished, never, exact=solved)
    assert plan.unplaced or plan.value_then >= plan.value_now - 1e-9
    assert len({move.radio for move in plan.moves}) == len(plan.moves)
    assert wished.most_moves is None or _moves(plan) <= wished.most_moves
    steps = sorted({move.step for move in plan.moves})
    assert steps == list(range(len(steps)))
    for step in steps:
        going = [move for move in plan.moves if move.step == step]
        for move in going:
            at = seen.radios[move.radio]
            assert legal.values_forbidden(seen, at, move.target, at.block) is None
            assert not at.radio.pinned or move.before == move.after
            goal = block_in_values(at.radio, move.target) or at.block
            assert goal == move.after
            assert regulatory.refusal(seen.site.country, move.after, at.radio) is None
            assert legal.forbidden(seen, at, move.after) is None
            assert legal.listed(seen, at, move.after) is None
            assert not move.after.mhz20 & seen.barred_mhz
            assert move.reasons
            assert math.isfinite(move.mhz_after)
            assert not any(seen.neighbours(move.radio) & {each.radio} for each in going if each is not move)
        seen = _carried_out(seen, {move.radio: move.after for move in going})
    assert {each.radio: each.after for each in plan.outlook if each.after} == {
        each.radio: seen.radios[each.radio].block for each in plan.outlook if each.after
    }


def _moves(plan: Plan) -> int:
    """Those that count: a radio without a place needs one, whatever the number that is wished."""
    homeless = {each.radio for each in plan.outlook if each.before is None}
    return len({move.radio for move in plan.moves} - homeless)


def _carried_out(seen: SiteView, going: Mapping[RadioKey, Block]) -> SiteView:
    """The site with these radios where they were sent."""
    radios = dict(seen.radios)
    for key, block in going.items():
        assert radios[key].reading is not None
        reading = replace(
            radios[key].reading,  # type: ignore[type-var]
            at_s=NOW.monotonic_s,
            channel=Reported(block.primary, "test"),
            width_mhz=Reported(block.width_mhz, "test"),
            center_mhz=Reported(block.center_mhz, "test"),
        )
        radios[key] = replace(radios[key], reading=reading)
    return replace(seen, radios=radios)


@settings(max_examples=20, deadline=None)
@given(given=problems(5, 4), chance=st.randoms(use_true_random=False))
def test_what_the_aps_are_called_and_listed_like_changes_nothing(
    given: tuple[Problem, Choice], chance: Random
) -> None:
    problem, start = given
    order = chance.sample(range(len(start)), len(start))
    place = {old: new for new, old in enumerate(order)}
    pairs = tuple(
        pair._replace(a=place[pair.a], b=place[pair.b])
        if place[pair.a] < place[pair.b]
        else Pair(
            place[pair.b],
            place[pair.a],
            primary_ab=pair.primary_ba,
            primary_ba=pair.primary_ab,
            secondary_ab=pair.secondary_ba,
            secondary_ba=pair.secondary_ab,
        )
        for pair in problem.pairs
    )
    other = Problem(band=problem.band, members=tuple(problem.members[each] for each in order), pairs=pairs)
    one, two = solved(problem, start), solved(other, tuple(start[each] for each in order))
    assert one.objective == pytest.approx(two.objective, abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(given=problems(4, 3), data=st.data())
def test_more_spectrum_never_makes_it_worse(given: tuple[Problem, Choice], data: st.DataObject) -> None:
    """Solved exactly; and by the search, when it starts from the old plan."""
    problem, start = given
    new = data.draw(st.sampled_from(blocks(problem.band, 20)))
    option = Option(block=new, worth=data.draw(st.floats(2.0, 6.0)), foreign=data.draw(st.floats(0, 1)))
    gets_it = data.draw(st.integers(0, len(start) - 1))
    members = tuple(
        replace(member, options=(*member.options, option)) if index == gets_it else member
        for index, member in enumerate(problem.members)
    )
    wider = replace(problem, members=members)
    before, after = solved(problem, start), solved(wider, start)
    assert after.objective >= before.objective - 1e-4
    found = improved(wider, before.choice, most_moves=None, move_price=0.0, stop=never, seed=1)
    assert objective(wider, found) >= before.objective - 1e-9
