"""What is left of a plan: what is dropped, what waits, what goes back, and what comes next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from unit.agent.planner.site.small import Ap, at, key, mutual, view

from agent.planner import guards
from agent.planner.legal import Veto
from agent.planner.site.plan import PlannedMove
from agent.planner.site.remainder import Progress, Remainder, remainder
from agent.view import SiteView, values_of
from drivers.types import Capabilities, Setting, Table
from inventory.channels import Block
from inventory.model import Mode, Policy, RadioKey

POLICY = Policy(mode=Mode.ACT, max_inflight_ratio=1.0)


def test_each_guard_whose_objection_passes_is_one() -> None:
    assert guards.GUARDS.keys() >= guards.PASSING


def crowd(
    *on: str, load: float = 0.9, more: Mapping[str, Mapping[str, object]] = MappingProxyType({})
) -> SiteView:
    """APs that all hear each other, on these blocks: a, b, c and so on; ``more``: of each by its name."""
    names = "abcdef"[: len(on)]
    hears = mutual(*names)
    aps = {
        name: Ap(on=block, hears=hears[name], tx=load, **more.get(name, {}))  # type: ignore[arg-type]
        for name, block in zip(names, on, strict=True)
    }
    return view(aps, policy=POLICY)


def move(seen: SiteView, name: str, to: str) -> PlannedMove:
    return PlannedMove(
        radio=key(name),
        step=0,
        target=values_of(at(to)),
        before=seen.radios[key(name)].block,
        after=at(to),
        mhz_before=1.0,
        mhz_after=2.0,
        gain=1.0,
    )


def louder(seen: SiteView, name: str, dbm: int) -> PlannedMove:
    """Of power alone."""
    block = seen.radios[key(name)].block
    assert block is not None
    stays = move(seen, name, f"{block.primary}/{block.width_mhz}")
    return replace(stays, target={Setting.TX_POWER_DBM: dbm})


def left(
    seen: SiteView,
    *todo: PlannedMove,
    made: Mapping[RadioKey, Block] | None = None,
    lost: Iterable[RadioKey] = (),
    locked: Mapping[RadioKey, Veto] = MappingProxyType({}),
    least_gain: float = 0.1,
    rehearsal: bool = False,
) -> Remainder:
    return remainder(
        seen,
        Progress(
            todo=todo,
            made=made or {},
            lost=list(lost),
            locked=locked,
            by_person=False,
            rehearsal=rehearsal,
            least_gain=least_gain,
        ),
    )


def why(found: Remainder) -> dict[str, str]:
    return {radio.split("/")[1]: veto.reason for radio, veto in found.dropped.items()}


def test_neighbours_move_one_after_the_other() -> None:
    seen = crowd("36/20", "36/20", "36/20")
    found = left(seen, move(seen, "b", "44/20"), move(seen, "c", "149/20"))
    assert (len(found.step), found.steps) == (1, 2)
    assert (found.dropped, found.held, found.back) == ({}, {}, ())


def test_what_is_forbidden_for_good_is_dropped_and_what_passes_waits() -> None:
    seen = crowd("36/20", "36/20", "36/20", "36/20")
    paused = replace(seen, barred_mhz=frozenset({5300}), paused=frozenset({"lab/d"}))
    found = left(
        paused,
        move(paused, "b", "60/20"),
        move(paused, "c", "44/20"),
        move(paused, "d", "149/20"),
        replace(move(paused, "a", "157/20"), radio=RadioKey("lab/gone/r")),
    )
    assert why(found) == {"b": "in_non_occupancy_period", "gone": "not_configured_any_more"}
    assert {radio: veto.guard for radio, veto in found.held.items()} == {key("d"): "pause"}
    assert found.step == (key("c"),)


def test_what_is_forbidden_for_good_is_not_waited_for() -> None:
    seen = replace(crowd("36/20", "36/20"), barred_mhz=frozenset({5300}), paused=frozenset({"lab/b"}))
    assert why(left(seen, move(seen, "b", "60/20"))) == {"b": "in_non_occupancy_period"}


def test_who_can_not_be_begun_now_waits_and_the_others_go_on() -> None:
    seen = replace(crowd("36/20", "36/20", "36/20"), barred_mhz=frozenset({5300}))
    veto = Veto(guard="device", reason="radio_busy")
    todo = move(seen, "b", "44/20"), move(seen, "c", "149/20")
    found = left(seen, *todo, locked={key("b"): veto})
    assert (found.step, found.held, found.dropped) == ((key("c"),), {key("b"): veto}, {})
    found = left(seen, move(seen, "b", "60/20"), locked={key("b"): veto})
    assert why(found) == {"b": "in_non_occupancy_period"}, "for good"


def test_while_everything_waits_nothing_is_looked_at() -> None:
    seen = replace(crowd("36/20", "36/20"), paused=frozenset({"lab"}))
    found = left(seen, move(seen, "b", "44/20"))
    assert (found.step, found.steps, list(found.held)) == ((), None, [key("b")])
    lost = replace(crowd("36/20", "36/20"), observing_only="the disk is full")
    assert list(left(lost, move(lost, "b", "44/20")).held) == [key("b")]


def test_a_move_that_brings_nothing_any_more_is_dropped() -> None:
    seen = crowd("36/20", "149/20")
    found = left(seen, move(seen, "b", "44/20"))
    assert why(found) == {"b": "not_worth_it_any_more"}
    assert (found.step, found.steps) == ((), 0)


@pytest.mark.parametrize(("part", "goes_on"), [(0.9, True), (1.1, True), (1.9, True), (2.1, False)])
def test_a_move_goes_on_for_half_of_what_it_had_to_bring(part: float, goes_on: bool) -> None:
    """``part``: of what it brings the least gain is."""
    seen = crowd("36/20", "36/20", load=0.3)
    brings = 2 * math.log(1.3)  # both hear each other perfectly, and send 0.3 of the time
    found = left(seen, move(seen, "b", "44/20"), least_gain=math.expm1(brings * part))
    assert (found.step == (key("b"),)) is goes_on


def test_in_a_rehearsal_nothing_moves_so_nothing_is_judged() -> None:
    seen = crowd("36/20", "149/20")
    assert left(seen, move(seen, "b", "44/20"), rehearsal=True).step == (key("b"),)


# -- half of it --------------------------------------------------------------------------------------------


def disturbed(*on: str) -> SiteView:
    """Two neighbours with a stranger each where it is; both may use 36 and 44 alone."""
    more = {
        name: {"strangers": ((stranger, -50.0, 0.3),), "channels": (36, 44)}
        for name, stranger in (("a", "36/20"), ("b", "44/20"))
    }
    return crowd(*on, more=more)


def test_a_ring_is_opened_though_that_costs_something() -> None:
    seen = disturbed("36/20", "44/20")
    found = left(seen, move(seen, "a", "44/20"), move(seen, "b", "36/20"))
    assert (len(found.step), found.steps, found.dropped) == (1, 2, {})


def test_a_ring_is_not_opened_while_a_part_of_it_waits() -> None:
    seen = replace(disturbed("36/20", "44/20"), paused=frozenset({"lab/b"}))
    found = left(seen, move(seen, "a", "44/20"), move(seen, "b", "36/20"))
    assert (found.step, found.dropped, list(found.held)) == ((), {}, [key("b")])


def test_nobody_moves_onto_a_channel_that_somebody_else_has_to_leave_and_can_not_yet() -> None:
    """a may not stay on 36, and waits for the quiet hours: until then b would share 36 with it."""
    near = {"a": {"b": -50.0}, "b": {"a": -50.0, "c": -82.0}, "c": {"b": -82.0}}
    aps = {
        "a": Ap(on="36/20", hears=near["a"], channels=(100,)),
        "b": Ap(on="44/20", hears=near["b"]),
        "c": Ap(on="44/20", hears=near["c"]),
    }
    seen = view(aps, policy=replace(POLICY, quiet_hours=((120, 121),)))
    todo = move(seen, "a", "100/20"), move(seen, "b", "36/20")
    found = left(seen, *todo)
    assert {key: veto.guard for key, veto in found.held.items()} == {key("a"): "quiet_hours"}
    assert (found.step, found.dropped) == ((), {})


def test_half_a_ring_goes_back() -> None:
    seen = disturbed("44/20", "44/20")
    found = left(seen, made={key("a"): at("36/20")}, lost=[key("b")])
    assert (found.back, found.step) == ((key("a"),), ())


def test_half_a_ring_goes_back_before_anything_else_moves() -> None:
    seen = crowd("44/20", "44/20", "149/20", "149/20", more={name: {"channels": (36, 44)} for name in "ab"})
    found = left(seen, move(seen, "d", "157/20"), made={key("a"): at("36/20")}, lost=[key("b")])
    assert (found.back, found.step, found.dropped) == ((key("a"),), (), {})


def test_nothing_goes_back_for_less_than_a_move_must_bring() -> None:
    seen = crowd("44/20", "44/20", load=0.3)
    brings = 2 * math.log(1.3)
    for part, goes in ((0.9, True), (1.1, False)):
        found = left(
            seen, made={key("a"): at("36/20")}, lost=[key("b")], least_gain=math.expm1(brings * part)
        )
        assert (found.back == (key("a"),)) is goes


def test_nothing_goes_back_as_long_as_all_were_made() -> None:
    """That it is worse than before is for its monitoring to say, and for the next plan."""
    seen = disturbed("44/20", "44/20")
    assert left(seen, made={key("a"): at("36/20")}).back == ()


def test_half_a_ring_stays_as_long_as_the_other_half_may_come() -> None:
    seen = disturbed("44/20", "44/20")
    todo = replace(move(seen, "b", "36/20"), before=at("44/20"))
    found = left(seen, todo, made={key("a"): at("36/20")})
    assert (found.back, found.step) == ((), (key("b"),))


def test_what_is_better_where_it_is_now_stays_whoever_else_does_not_move() -> None:
    seen = crowd("36/20", "44/20", "36/20")
    assert left(seen, made={key("b"): at("36/20")}, lost=[key("c")]).back == ()


def test_nothing_goes_back_onto_a_channel_that_radar_barred() -> None:
    more = {name: {"channels": (52, 44)} for name in "ab"}
    seen = replace(crowd("44/20", "44/20", more=more), barred_mhz=frozenset({5260}))
    assert left(seen, made={key("a"): at("52/20")}, lost=[key("b")]).back == ()


# -- power -------------------------------------------------------------------------------------------------


def test_power_comes_after_the_channels() -> None:
    seen = crowd("36/20", "36/20", "149/20")
    found = left(seen, louder(seen, "c", 12), move(seen, "b", "44/20"))
    assert (found.step, found.steps) == ((key("b"),), 2)
    assert left(seen, louder(seen, "c", 12)).step == (key("c"),)


def test_power_is_dropped_when_a_channel_of_the_band_did_not_come() -> None:
    seen = crowd("36/20", "36/20", "149/20")
    assert why(left(seen, louder(seen, "c", 12), lost=[key("b")])) == {"c": "channels_came_otherwise"}
    by_radar = replace(seen, barred_mhz=frozenset({5300}))
    found = left(by_radar, louder(by_radar, "c", 12), move(by_radar, "b", "60/20"))
    assert why(found) == {"b": "in_non_occupancy_period", "c": "channels_came_otherwise"}


def test_power_is_not_dropped_when_somebody_made_the_move_by_hand() -> None:
    seen = crowd("36/20", "44/20", "149/20")
    by_hand = replace(move(seen, "b", "44/20"), before=at("36/20"))
    found = left(seen, by_hand, louder(seen, "c", 14))
    assert why(found) == {"b": "already_there"}
    assert found.step == (key("c"),)


def test_power_is_not_dropped_for_a_power_that_can_not_be_set() -> None:
    seen = crowd("36/20", "44/20", "149/20")
    unable = Capabilities(tables=frozenset(Table), settings=MappingProxyType({Setting.CHANNEL: "radio"}))
    radios = {**seen.radios, key("b"): replace(seen.radios[key("b")], capabilities=unable)}
    found = left(replace(seen, radios=radios), louder(seen, "b", 14), louder(seen, "c", 14))
    assert why(found) == {"b": "device_cannot_set"}
    assert found.step == (key("c"),)


def test_power_is_not_set_on_another_channel_than_it_was_planned_for() -> None:
    seen = crowd("36/20", "149/20")
    planned = replace(louder(seen, "b", 12), before=at("44/20"), after=at("44/20"))
    assert why(left(seen, planned)) == {"b": "moved_meanwhile"}
