"""Radios that others reckon with and that no plan moves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.agent.planner.site.small import ABLE, NOW, Ap, at, key, mutual, options, plan_of, view
from unit.agent.planner.test_channel import pending

from agent.change import State
from agent.view import SiteView, values_of
from drivers.types import RadioState, Reported, Setting

NEAR = mutual("a", "b")
READ_ONLY = replace(ABLE, settings={})


def beside(ap: Ap, **more: object) -> SiteView:
    """This one and a neighbour on the same channel that can move."""
    return view({"a": replace(ap, hears=NEAR["a"]), "b": Ap(hears=NEAR["b"])}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ap", "reason"),
    [
        (Ap(more={"pinned": True}), "pinned_in_the_site_file"),
        (Ap(said={"uplink": True}), "carries_a_mesh_or_wds_uplink"),
        (Ap(said={"managed_by": "RRM"}), "managed_by"),
        (Ap(said={"at_s": NOW.monotonic_s - 999}), "reading_too_old"),
        (Ap(said={"country": Reported("DE", "test")}), "country_mismatch"),
        (Ap(able=READ_ONLY), "device_cannot_set"),
        (Ap(able=None), "device_cannot_set"),
    ],
)
def test_it_stays_and_its_neighbour_goes_around_it(ap: Ap, reason: str) -> None:
    plan = plan_of(beside(ap))
    assert [(left.radio, left.reason) for left in plan.left] == [(key("a"), reason)]
    assert [move.radio for move in plan.moves] == [key("b")]
    assert options(beside(ap))["a"] == [at("36/20")]


def test_what_is_paused_stays() -> None:
    plan = plan_of(beside(Ap(), paused=frozenset({"lab/a"})))
    assert [(left.radio, left.reason) for left in plan.left] == [(key("a"), "paused")]
    assert [move.radio for move in plan.moves] == [key("b")]


def test_a_radio_in_a_change_counts_where_it_is_going() -> None:
    going = replace(pending(key("a"), values_of(at("44/20"))), state=State.MONITORING)
    seen = beside(Ap(), changes=(going,))
    assert options(seen)["a"] == [at("44/20")]
    plan = plan_of(seen)
    assert [left.reason for left in plan.left] == ["open_change"]
    assert not plan.moves  # they part anyway


def test_a_change_of_its_power_does_not_hide_where_a_radio_is_going() -> None:
    going = replace(pending(key("a"), values_of(at("44/20"))), state=State.MONITORING)
    louder = replace(pending(key("a"), {Setting.TX_POWER_DBM: 18}), id="newer", state=State.MONITORING)
    assert options(beside(Ap(), changes=(louder, going)))["a"] == [at("44/20")]


@pytest.mark.parametrize(
    "said", [{"state": RadioState.OFF}, {"channel": None}], ids=["switched_off", "channel_not_known"]
)
def test_who_is_nowhere_is_in_nobodys_way(said: dict[str, object]) -> None:
    plan = plan_of(beside(Ap(said=said)))
    assert plan.radios == 1
    assert not plan.moves
    assert [left.radio for left in plan.left] == [key("a")]


@pytest.mark.parametrize(
    ("channel", "width_mhz", "reason"),
    [
        (37, 20, "no_such_block_reported"),
        (200, 40, "no_such_block_reported"),
        (44, None, "channel_not_known"),
    ],
)
def test_what_a_device_reports_of_a_channel_that_there_is_not_is_told(
    channel: int, width_mhz: int | None, reason: str
) -> None:
    said = {"channel": channel, "width_mhz": width_mhz}
    reported = {name: None if each is None else Reported(each, "test") for name, each in said.items()}
    (left,) = plan_of(beside(Ap(said={**reported, "center_mhz": None}))).left
    assert (left.radio, left.reason) == (key("a"), reason)
    assert left.params == {name: each for name, each in said.items() if each is not None}


def test_a_radio_that_was_never_read_is_left_alone() -> None:
    seen = beside(Ap())
    lost = replace(seen.radios[key("a")], reading=None)
    plan = plan_of(replace(seen, radios={**seen.radios, key("a"): lost}))
    assert [(left.radio, left.reason) for left in plan.left] == [(key("a"), "never_read")]
    assert plan.radios == 1


def test_a_block_that_was_rolled_back_lately_is_no_option() -> None:
    back = replace(pending(key("a"), values_of(at("149/20"))), state=State.ROLLED_BACK)
    found = options(view({"a": Ap()}, changes=(back,)))["a"]
    assert at("149/20") not in found
    assert at("153/20") in found
