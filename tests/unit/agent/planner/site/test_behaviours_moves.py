"""What a plan does with small sites: who moves, and who does not."""

from __future__ import annotations

from unit.agent.planner.site.small import Ap, after, at, key, moves_of, mutual, plan_of, view


def test_three_aps_on_one_channel_spread_over_different_blocks() -> None:
    near = mutual("a", "b", "c")
    found = after(view({name: Ap(hears=near[name]) for name in near}))
    assert len(set(found.values())) == 3


def test_two_mutual_neighbours_on_one_channel_make_exactly_one_move() -> None:
    near = mutual("a", "b")
    plan = plan_of(view({name: Ap(hears=near[name]) for name in near}))
    assert len(plan.moves) == 1
    assert plan.value_then > plan.value_now
    assert plan.moves[0].reasons[0] == "less_contention"


def test_aps_on_different_channels_do_not_move() -> None:
    near = mutual("a", "b")
    assert not moves_of(view({"a": Ap(hears=near["a"]), "b": Ap(on="44/20", hears=near["b"])}))


def test_a_strong_bss_is_worse_than_two_weak_ones() -> None:
    strangers = (("36/20", -45.0, 0.4), ("149/20", -86.0, 0.4), ("149/20", -86.0, 0.4))
    seen = view({"a": Ap(on="36/20", channels=(36, 149), strangers=strangers)})
    move = moves_of(seen)["a"]
    assert move.after == at("149/20")
    assert "away_from_strangers" in move.reasons


def test_pinned_radios_stay_and_the_others_go_around_them() -> None:
    near = mutual("a", "b")
    seen = view({"a": Ap(hears=near["a"], more={"pinned": True}), "b": Ap(hears=near["b"])})
    plan = plan_of(seen)
    assert [move.radio for move in plan.moves] == [key("b")]
    assert [(left.radio, left.reason) for left in plan.left] == [(key("a"), "pinned_in_the_site_file")]
