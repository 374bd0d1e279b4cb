"""The way back after radar: a plan like any other, of nothing but returns."""

from __future__ import annotations

import math

import pytest
from unit.agent.planner.site.small import NOW, Ap, at, key, mutual, view

from agent.nop import Met
from agent.planner.site.returning import returning
from agent.view import SiteView
from inventory.model import RadioKey

NEAR = mutual("a", "b", "c")


def driven(*radios: tuple[str, str], **aps: Ap) -> SiteView:
    """A site of these APs, some of which radar drove off a channel three days ago."""
    utc_us = NOW.utc_us - 3 * 86_400_000_000
    met = (Met(mhz20=at(block).mhz20, utc_us=utc_us, radios=frozenset({key(name)})) for name, block in radios)
    return view(aps, radar=tuple(met))


def three() -> SiteView:
    """All hear each other. ``c`` may not stay where it fled to, and has one channel left."""
    return driven(
        ("a", "52/20"),
        ("b", "60/20"),
        ("c", "100/20"),
        a=Ap(hears=NEAR["a"], channels=(36, 52)),
        b=Ap(hears=NEAR["b"], channels=(36, 60)),
        c=Ap(on="36/20", hears=NEAR["c"], channels=(100,)),
    )


def test_neighbours_come_back_one_after_the_other() -> None:
    plan = returning(three())
    assert plan is not None
    assert {move.reasons for move in plan.moves} == {("radar_is_over",)}
    steps = {move.radio: (move.step, str(move.after)) for move in plan.moves}
    assert key("c") in steps
    assert len({step for step, _ in steps.values()}) == len(steps) == 2, "the third has the channel alone"


def test_it_counts_and_says_what_any_plan_does() -> None:
    plan = returning(three())
    assert plan is not None
    mhz = {each.radio: (each.mhz_before, each.mhz_after) for each in plan.outlook}
    assert mhz[key("c")][0] == 0.0, "it has no place now"
    assert (plan.radios, plan.unplaced) == (2, 1)
    assert plan.value_then == pytest.approx(sum(math.log(then) for now, then in mhz.values() if now))
    assert {move.radio: (move.mhz_before, move.mhz_after) for move in plan.moves}.items() <= mhz.items()
    assert 0.0 < plan.confidence < 1.0
    assert plan.left == ()


def test_one_that_may_not_stay_and_is_best_off_elsewhere_is_reckoned_with_where_it_is() -> None:
    """Back on its own channel ``a`` is alone, where it is it has ``c`` in its way."""
    near = mutual("a", "c")
    plan = returning(
        driven(
            ("a", "52/20"),
            ("c", "100/20"),
            a=Ap(hears=near["a"], channels=(36, 52)),
            c=Ap(hears=near["c"], channels=(100, 149)),
        )
    )
    assert plan is not None
    assert [move.radio for move in plan.moves] == [key("a")]
    stays = {each.radio: (each.before, each.after) for each in plan.outlook}[key("c")]
    assert stays == (at("36/20"), at("36/20"))


@pytest.mark.parametrize("pays", [True, False])
def test_without_anybody_in_its_way_it_stays(pays: bool) -> None:
    seen = driven(
        ("a", "52/20"),
        a=Ap(hears=NEAR["a"], channels=(36, 52)),
        b=Ap(on="36/20" if pays else "149/20", hears=NEAR["b"]),
        c=Ap(on="36/20" if pays else "149/20", hears=NEAR["c"]),
    )
    plan = returning(seen)
    moved: list[RadioKey] = [move.radio for move in plan.moves] if plan else []
    assert moved == ([key("a")] if pays else [])
