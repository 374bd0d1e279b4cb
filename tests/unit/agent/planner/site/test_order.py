"""The order of a plan's moves: nobody hears the other move, and no state on the way is much worse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from agent.planner.site.order import SLACK, Step, Way, ordered, worst
from agent.planner.site.problem import Choice, Member, Option, Pair, Problem, value
from inventory.channels import block
from inventory.model import Band, RadioKey, ap_of, radio_key

CHANNELS = (36, 40, 44, 48, 52, 56)


def key(at: int, radio: str = "r5") -> RadioKey:
    return radio_key("site", f"ap{at:04}", radio)


def option(channel: int, width_mhz: int = 20, worth: float = 3.0) -> Option:
    return Option(block=block(Band.GHZ_5, channel, width_mhz), worth=worth)


def member(at: int, now: int | None, channels: Sequence[int] = CHANNELS, radio: str = "r5") -> Member:
    return Member(key=key(at, radio), options=tuple(option(each) for each in channels), now=now)


def loud(a: int, b: int) -> Pair:
    return Pair(a, b, 1.0, 1.0, 0.5, 0.5)


def problem(members: Sequence[Member], pairs: Sequence[Pair] = ()) -> Problem:
    return Problem(band=Band.GHZ_5, members=tuple(members), pairs=tuple(pairs))


def one_by_one(way: Way, most_aps: int = 1) -> tuple[Step, ...]:
    return ordered([way], {}, most_aps)


# -- stories -----------------------------------------------------------------------------------------------


def test_who_is_already_there_makes_no_step() -> None:
    way = Way(problem([member(0, 0), member(1, 1)], [loud(0, 1)]), (0, 1))

    assert one_by_one(way) == ()


def test_who_takes_the_place_of_another_comes_after_it() -> None:
    """0 goes where 1 is, 1 where 2 is, 2 where nobody is."""
    moving = problem([member(0, 0), member(1, 1), member(2, 2)], [loud(0, 1), loud(1, 2), loud(0, 2)])

    steps = one_by_one(Way(moving, (1, 2, 3)), most_aps=9)

    assert [step.radios for step in steps] == [(key(2),), (key(1),), (key(0),)]
    assert worst(steps) == 0.0


def test_a_swap_of_neighbours_is_opened_where_it_costs_least() -> None:
    """Each must go where the other one is; the one whose air is worth less has company first."""
    pair = [member(0, 0), Member(key=key(1), options=member(1, 1).options, now=1, weight=0.2)]
    moving = problem(pair, [Pair(0, 1, 0.1, 1.0, 0.0, 0.0)])

    steps = ordered([Way(moving, (1, 0))], {key(0): {key(1)}, key(1): {key(0)}}, 9)

    assert len(steps) == 2
    assert -worst(steps) == -steps[0].change > SLACK
    assert math.isclose(sum(step.change for step in steps), 0.0, abs_tol=1e-9)


def test_a_swap_of_those_who_do_not_hear_each_other_costs_nothing() -> None:
    moving = problem([member(0, 0), member(1, 1)])

    assert [step.radios for step in one_by_one(Way(moving, (1, 0)), 2)] == [(key(0), key(1))]


def test_neighbours_never_move_together_though_they_do_not_cost_each_other_anything() -> None:
    moving = problem([member(0, 0), member(1, 1), member(2, 2)])
    near = {key(0): {key(1)}, key(1): {key(0)}}

    steps = ordered([Way(moving, (3, 4, 5))], near, 9)

    assert [step.radios for step in steps] == [(key(0), key(2)), (key(1),)]


def test_two_radios_of_one_ap_never_move_together() -> None:
    bands = [problem([member(0, 0)]), problem([member(0, 0, radio="r5b")])]

    steps = ordered([Way(each, (1,)) for each in bands], {}, 9)

    assert [len(step.radios) for step in steps] == [1, 1]


def test_no_more_aps_at_once_than_may_be_in_flight() -> None:
    moving = problem([member(at, 0) for at in range(5)])

    assert [len(step.radios) for step in one_by_one(Way(moving, (1,) * 5), 2)] == [2, 2, 1]


def test_what_changes_power_alone_comes_last_under_the_same_rules() -> None:
    moving = problem([member(0, 0), member(1, 0)])
    near = {key(7): {key(8)}, key(8): {key(7)}}

    steps = ordered([Way(moving, (1, 1))], near, 2, also=[key(8), key(7), key(0), key(9)])

    assert [step.radios for step in steps] == [(key(0), key(1)), (key(7), key(9)), (key(8),)]


def test_a_radio_that_is_off_air_comes_to_air() -> None:
    moving = problem([member(0, None), member(1, 0)], [loud(0, 1)])

    (step,) = one_by_one(Way(moving, (1, 0)))

    assert step.radios == (key(0),)
    assert math.isclose(step.change, 3.0)


def test_a_radio_off_air_is_in_nobodys_way_before_it_moves() -> None:
    moving = problem([member(0, None), member(1, 1), member(2, 0)], [loud(0, 1), loud(0, 2), loud(1, 2)])

    steps = one_by_one(Way(moving, (1, 2, 0)))

    assert math.fsum(step.change for step in steps) == 3.0


# -- properties --------------------------------------------------------------------------------------------

indices = st.integers(0, 5)


@st.composite
def ways(draw: st.DrawFn, most: int = 7) -> Way:
    number = draw(st.integers(1, most))
    members = [
        Member(
            key=key(at // 2, f"r{at % 2}"),
            options=tuple(
                option(channel, worth=draw(st.floats(1.0, 4.0)))
                if channel != 44
                else Option(block=block(Band.GHZ_5, 44, 40), worth=3.0, foreign=0.3)
                for channel in CHANNELS
            ),
            now=draw(indices),
            weight=draw(st.floats(0.2, 2.0)),
        )
        for at in range(number)
    ]
    weights = st.floats(0.0, 1.0)
    pairs = [
        Pair(a, b, draw(weights), draw(weights), draw(weights), draw(weights))
        for a in range(number)
        for b in range(a + 1, number)
        if draw(st.booleans())
    ]
    return Way(problem(members, pairs), tuple(draw(st.lists(indices, min_size=number, max_size=number))))


def _hearing(way: Way) -> Mapping[RadioKey, set[RadioKey]]:
    keys = [each.key for each in way.problem.members]
    near: dict[RadioKey, set[RadioKey]] = {each: set() for each in keys}
    for pair in way.problem.pairs:
        near[keys[pair.a]].add(keys[pair.b])
        near[keys[pair.b]].add(keys[pair.a])
    return near


def _states(way: Way, steps: Sequence[Step]) -> list[Choice]:
    """Where everybody is before each step and at the end."""
    at = [each.now or 0 for each in way.problem.members]
    index = {each.key: number for number, each in enumerate(way.problem.members)}
    found = [tuple(at)]
    for step in steps:
        for radio in step.radios:
            at[index[radio]] = way.choice[index[radio]]
        found.append(tuple(at))
    return found


@given(ways(), st.integers(1, 4))
def test_each_move_is_made_once_within_the_limits(way: Way, most_aps: int) -> None:
    near = _hearing(way)
    steps = ordered([way], near, most_aps)

    made = [radio for step in steps for radio in step.radios]
    assert sorted(made) == sorted(
        each.key for each, to in zip(way.problem.members, way.choice, strict=True) if to != each.now
    )
    for step in steps:
        assert len({ap_of(radio) for radio in step.radios}) == len(step.radios) <= most_aps
        assert not any(near[radio] & set(step.radios) for radio in step.radios)
    assert _states(way, steps)[-1] == way.choice


@given(ways(), st.integers(1, 4))
def test_what_a_step_is_said_to_change_is_what_the_objective_says(way: Way, most_aps: int) -> None:
    steps = ordered([way], {}, most_aps)

    worths = [value(way.problem, state) for state in _states(way, steps)]
    for step, (before, after) in zip(steps, pairwise(worths), strict=True):
        assert math.isclose(step.change, after - before, abs_tol=1e-7)


@given(ways(), st.integers(1, 4))
def test_a_step_that_costs_more_than_a_little_is_one_move(way: Way, most_aps: int) -> None:
    steps = ordered([way], _hearing(way), most_aps)

    for step in steps:
        assert step.change >= -SLACK - 1e-7 or len(step.radios) == 1


@given(ways(5))
def test_while_a_move_gains_from_the_beginning_nothing_is_lost(way: Way) -> None:
    """Either end that the moves are lined up from: if some order of the greedy kind loses nothing, it is
    taken."""
    steps = ordered([way], {}, 1)

    if worst(steps) < -SLACK:
        first = next(at for at, step in enumerate(steps) if step.change < -SLACK)
        state = _states(way, steps)[first]
        forward_stuck = all(alone <= steps[first].change + 1e-7 for alone in _alone(way, state))
        assert forward_stuck or _back_is_stuck(way, steps)


def _back_is_stuck(way: Way, steps: Sequence[Step]) -> bool:
    """Whether every move before the dearest one would have cost no less in its place."""
    dearest = min(range(len(steps)), key=lambda at: steps[at].change)
    after = _states(way, steps)[dearest + 1]
    start = tuple(each.now or 0 for each in way.problem.members)
    here = value(way.problem, after)
    undone = [
        here - value(way.problem, (*after[:at], start[at], *after[at + 1 :]))
        for at in range(len(after))
        if after[at] != start[at]
    ]
    return all(each <= steps[dearest].change + 1e-7 for each in undone)


def _alone(way: Way, state: Choice) -> list[float]:
    """What each move that is left would bring by itself."""
    here = value(way.problem, state)
    return [
        value(way.problem, (*state[:at], to, *state[at + 1 :])) - here
        for at, to in enumerate(way.choice)
        if to != state[at]
    ]


@given(ways(4))
def test_of_two_moves_the_better_order_is_taken(way: Way) -> None:
    start = tuple(each.now or 0 for each in way.problem.members)
    two = Way(way.problem, (*way.choice[:2], *start[2:]))
    movers = [at for at in range(len(start)) if two.choice[at] != start[at]]
    best = max(_worst_of(two, start, order) for order in permutations(movers))

    assert worst(ordered([two], {}, 1)) >= min(best, -SLACK) - 1e-7


def _worst_of(way: Way, start: Choice, order: Sequence[int]) -> float:
    at, lowest = start, 0.0
    for mover in order:
        then = (*at[:mover], way.choice[mover], *at[mover + 1 :])
        lowest = min(lowest, value(way.problem, then) - value(way.problem, at))
        at = then
    return lowest


@given(ways(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_the_members_are_listed(way: Way, chance: object) -> None:
    turned = Problem(
        band=way.problem.band,
        members=way.problem.members[::-1],
        pairs=tuple(_turned(pair, len(way.choice)) for pair in way.problem.pairs),
    )

    assert [s.radios for s in ordered([way], _hearing(way), 2)] == [
        s.radios for s in ordered([Way(turned, way.choice[::-1])], _hearing(way), 2)
    ]


def _turned(pair: Pair, number: int) -> Pair:
    a, b, ab, ba, sab, sba = pair
    return Pair(number - 1 - b, number - 1 - a, ba, ab, sba, sab)


# -- size --------------------------------------------------------------------------------------------------


def test_a_plan_of_many_moves_that_gain_needs_few_steps() -> None:
    """Every fourth of 400 radios shares its channel with those around, and leaves it."""
    members = [member(at, 0 if at % 4 == 0 else 1 + at % 3) for at in range(400)]
    pairs = [loud(a, b) for a in range(400) for b in range(a + 1, min(400, a + 5))]
    way = Way(
        problem(members, pairs), tuple(4 + at // 4 % 2 if at % 4 == 0 else 1 + at % 3 for at in range(400))
    )

    steps = ordered([way], _hearing(way), 33)

    assert sum(len(step.radios) for step in steps) == 100
    assert len(steps) <= 8
    assert worst(steps) == 0.0
