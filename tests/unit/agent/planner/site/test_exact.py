"""The exact solver against trying everything."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.planner.site.exact import solved
from agent.planner.site.problem import Member, Option, Pair, Problem, moved, objective
from inventory.channels import blocks
from inventory.model import Band, radio_key

POOLS = {
    Band.GHZ_2_4: [b for b in blocks(Band.GHZ_2_4, 20) if b.primary in (1, 4, 6, 11)],
    Band.GHZ_5: [b for width in (20, 40, 80) for b in blocks(Band.GHZ_5, width) if b.primary <= 48],
}
NATS = st.floats(0, 4, allow_nan=False)
LOSS = st.one_of(st.just(0.0), st.floats(0.01, 1.5))


@st.composite
def problems(draw: st.DrawFn, most: int = 4) -> Problem:
    band = draw(st.sampled_from(list(POOLS)))
    count = draw(st.integers(1, most))
    members = []
    for index in range(count):
        found = draw(st.lists(st.sampled_from(POOLS[band]), min_size=1, max_size=4, unique=True))
        options = tuple(
            Option(
                block=b, worth=draw(NATS), foreign=draw(st.floats(0, 2)), move_cost=draw(st.floats(0, 0.5))
            )
            for b in found
        )
        now = draw(st.one_of(st.none(), st.integers(0, len(options) - 1)))
        weight = draw(st.floats(0.2, 3))
        members.append(
            Member(key=radio_key("s", f"ap{index}", band.value), options=options, now=now, weight=weight)
        )
    pairs = tuple(
        Pair(a, b, draw(LOSS), draw(LOSS), draw(LOSS), draw(LOSS)) for b in range(count) for a in range(b)
    )
    return Problem(band=band, members=tuple(members), pairs=pairs)


def best(problem: Problem, most_moves: int | None, move_price: float) -> float:
    """By trying everything."""
    choices = product(*(range(len(member.options)) for member in problem.members))
    fitting = (each for each in choices if most_moves is None or len(moved(problem, each)) <= most_moves)
    return max(objective(problem, each, move_price) for each in fitting)


@settings(max_examples=40, deadline=None)
@given(problem=problems(), most_moves=st.one_of(st.none(), st.integers(0, 3)), price=st.floats(0, 0.3))
def test_no_choice_beats_the_bound_and_the_best_is_found(
    problem: Problem, most_moves: int | None, price: float
) -> None:
    start = tuple(member.now or 0 for member in problem.members)
    found = solved(problem, start, most_moves=most_moves, move_price=price, limit_s=60)
    true = best(problem, most_moves, price)
    assert found.bound is not None
    assert found.proven
    assert true <= found.bound <= true + 1e-3 * len(problem.members)
    assert abs(found.objective - objective(problem, found.choice, price)) < 1e-12
    assert found.objective >= true - 1e-3 * len(problem.members)
    assert most_moves is None or len(moved(problem, found.choice)) <= most_moves
