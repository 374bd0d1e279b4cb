"""Where a plan never puts a radio, and what it says when nothing is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.agent.planner.site.small import Ap, after, at, key, moves_of, mutual, options, plan_of, view

from agent.planner import legal
from inventory.channels import Block, blocks
from inventory.model import Band


def channels(found: list[Block]) -> set[int]:
    return {block.primary for block in found}


def test_allowed_channels_and_widths_hold() -> None:
    near = mutual("a", "b", "c")
    seen = view({name: Ap(hears=near[name], channels=(36, 40), widths=(20,)) for name in near})
    found = after(seen)
    assert set(found.values()) == {"36/20", "40/20"}
    assert channels(options(seen)["a"]) == {36, 40}


@pytest.mark.parametrize(
    ("country", "ap", "barred", "guard", "why"),
    [
        ("JP", Ap(channels=(149,), widths=(80,)), set(), "regulatory", "no_rule"),
        ("US", Ap(channels=(36,), widths=(80,), said={"allowed_mhz": frozenset({5180, 5200})}), set(), "device_list", "not_on_the_devices_list"),  # noqa: E501
        ("US", Ap(channels=(36,), widths=(80,)), {5240}, "nop", "in_non_occupancy_period"),
        ("US", Ap(channels=(100,), widths=(80,), more={"dfs": False}), set(), "allowed_list", "no_dfs_wanted"),  # noqa: E501
    ],
    ids=["law", "device", "radar", "no_dfs"],
)  # fmt: skip
def test_an_80_mhz_list_with_no_legal_block_is_refused_with_the_reason(
    country: str, ap: Ap, barred: set[int], guard: str, why: str
) -> None:
    seen = view({"a": ap}, country=country, barred_mhz=frozenset(barred))
    plan = plan_of(seen)
    assert not plan.moves
    (left,) = plan.left
    assert (left.radio, left.reason) == (key("a"), "no_legal_block")
    assert left.params["widths_mhz"] == "80"
    assert left.params["channels"] == str((ap.channels or ())[0])
    assert (left.params["guard"], left.params["why"]) == (guard, why)


def test_one_refusal_does_not_stop_the_rest_of_the_site() -> None:
    near = mutual("a", "b")
    lost = Ap(hears=near["a"], channels=(165,), widths=(80,))
    plan = plan_of(view({"a": lost, "b": Ap(hears=near["b"])}))
    assert [move.radio for move in plan.moves] == [key("b")]
    assert [left.radio for left in plan.left] == [key("a")]


def test_a_part_hit_by_radar_bars_every_block_that_contains_it() -> None:
    seen = view({"a": Ap(on="36/80", widths=(20, 40, 80))}, barred_mhz=frozenset({5300}))
    found = options(seen)["a"]
    assert not any(5300 in block.mhz20 for block in found)
    assert {str(block) for block in found} >= {"52/40", "56/20", "64/20"}  # what lies beside it stays
    assert not any(block.width_mhz == 80 and block.primary in (52, 56, 60, 64) for block in found)


def test_a_radio_on_a_barred_block_gets_another_place() -> None:
    seen = view({"a": Ap(on="52/80", widths=(80,))}, barred_mhz=frozenset({5300}))
    move = moves_of(seen)["a"]
    assert 5300 not in move.after.mhz20
    assert move.reasons == ("in_non_occupancy_period",)
    assert (move.before, move.mhz_before) == (at("52/80"), 0.0)


def test_what_the_device_itself_bars_is_barred_for_it_alone() -> None:
    here = Ap(on="36/20", said={"nop_mhz": frozenset({5500})})
    found = options(view({"a": here, "b": Ap()}))
    assert 100 not in channels(found["a"])
    assert 100 in channels(found["b"])


def test_a_country_without_dfs_channels_in_5_ghz() -> None:
    near = mutual("a", "b", "c")
    seen = view({name: Ap(on="149/20", hears=near[name]) for name in near}, country="BD")
    found = after(seen)
    assert len(set(found.values())) == 3
    assert all(int(each.split("/")[0]) >= 149 for each in found.values())


def test_a_country_without_6_ghz_leaves_its_6_ghz_radios_alone() -> None:
    six = Ap(on=None, band=Band.GHZ_6, widths=(80,))
    plan = plan_of(view({"a": six, "b": Ap()}, country="CN"))
    assert not plan.moves
    (left,) = plan.left
    assert (left.radio, left.reason, left.params["why"]) == (key("a"), "no_legal_block", "no_rule")


@pytest.mark.parametrize("listed", [None, (14,), (1, 14)])
def test_channel_14_of_japan_is_for_802_11b_alone_listed_or_not(listed: tuple[int, ...] | None) -> None:
    """The law allows no OFDM there, and every radio of today sends OFDM: no list of a site changes that."""
    near = mutual("a", "b", "c", "d")
    aps = {name: Ap(on="1/20", band=Band.GHZ_2_4, channels=listed, hears=near[name]) for name in near}
    plan = plan_of(view(aps, country="JP"))
    assert all(each.after is not None and each.after.primary != 14 for each in plan.outlook)
    if listed == (14,):
        assert {left.params["why"] for left in plan.left} == {"no_ofdm"}


def test_2_4_ghz_stays_on_the_raster_of_the_site() -> None:
    near = mutual(*"abcd")
    aps = {name: Ap(on="1/20", band=Band.GHZ_2_4, hears=near[name]) for name in near}
    assert set(after(view(aps, country="DE")).values()) == {"1/20", "6/20", "11/20"}
    seen = view(aps, country="DE")
    policy = replace(seen.site.policy, channels_2_4=(1, 5, 9, 13))
    four = replace(seen, site=replace(seen.site, policy=policy))
    assert set(after(four).values()) == {"1/20", "5/20", "9/20", "13/20"}


def test_a_radio_off_the_raster_may_stay_and_goes_back_when_that_pays() -> None:
    alone = view({"a": Ap(on="3/20", band=Band.GHZ_2_4)})
    assert not plan_of(alone).moves
    near = mutual("a", "b")
    crowd = {
        "a": Ap(on="3/20", band=Band.GHZ_2_4, hears=near["a"]),
        "b": Ap(on="1/20", band=Band.GHZ_2_4, hears=near["b"], more={"pinned": True}),
    }
    assert moves_of(view(crowd))["a"].after.primary in (6, 11)


def test_a_radio_outside_its_list_is_brought_back() -> None:
    """An emergency may have left it there (docs/decisions.md)."""
    move = moves_of(view({"a": Ap(on="36/20", channels=(149, 153))}))["a"]
    assert move.after.primary in (149, 153)
    assert move.reasons == ("channel_not_listed",)


def test_6_ghz_primaries_are_those_that_clients_look_at_first() -> None:
    seen = view({"a": Ap(on="37/20", band=Band.GHZ_6, widths=(20, 80))})
    assert {block.primary % 16 for block in options(seen)["a"]} == {5}


def test_every_option_is_legal() -> None:
    seen = view({"a": Ap(widths=(20, 40, 80, 160))}, country="DE", barred_mhz=frozenset({5500, 5180}))
    found = options(seen)["a"]
    radio = seen.radios[key("a")]
    assert found
    assert all(legal.forbidden(seen, radio, block) is None for block in found)
    lawful = [
        block
        for width in (20, 40, 80, 160)
        for block in blocks(Band.GHZ_5, width)
        if legal.forbidden(seen, radio, block) is None
    ]
    assert set(found) == set(lawful)
