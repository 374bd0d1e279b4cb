"""A plan as a whole: what it counts, what it says, and that it is always the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from unit.agent.planner.site.small import NOW, Ap, at, key, mutual, never, plan_of, view

from agent.levels import Levels, first
from agent.planner.site.exact import Solved
from agent.planner.site.plan import Wishes
from agent.planner.site.planning import planned
from agent.planner.site.problem import Choice, Problem, objective
from agent.planner.site.solving import Stop
from agent.view import RadioView, SiteView
from drivers.types import ClientReading, Reported, Setting
from inventory.model import Band

NEAR = mutual("a", "b", "c", "d")
HERE: Mapping[str, str | None] = {"a": None, "b": "36/20"}


def crowded(**more: Ap) -> dict[str, Ap]:
    return {name: Ap(hears=NEAR[name]) for name in NEAR} | more


def test_a_site_without_radios_has_an_empty_plan() -> None:
    plan = plan_of(view({}))
    assert (plan.radios, plan.moves, plan.gain_ratio, plan.confidence) == (0, (), 0.0, 0.0)


def test_the_same_knowledge_gives_the_same_plan() -> None:
    assert plan_of(view(crowded())) == plan_of(view(crowded()))


def test_values_are_the_sum_over_the_radios_of_their_expected_mhz() -> None:
    plan = plan_of(view(crowded()))
    before = [math.log(each.mhz_before) for each in plan.outlook]
    after = [math.log(each.mhz_after) for each in plan.outlook]
    assert plan.value_now == pytest.approx(sum(before))
    assert plan.value_then == pytest.approx(sum(after))
    assert plan.gain_ratio == pytest.approx(math.exp((sum(after) - sum(before)) / 4) - 1)


def test_what_is_won_is_of_the_radios_that_have_a_place_now() -> None:
    """``a`` is silent: nobody waits for it now, and ``b`` has less when it sends again beside it. Its own MHz
    are no gain of the site's."""
    near = mutual("a", "b")
    plan = plan_of(view({name: Ap(on=on, hears=near[name], channels=(36,)) for name, on in HERE.items()}))
    mhz = {each.radio: (each.mhz_before, each.mhz_after) for each in plan.outlook}
    assert mhz[key("a")][0] == 0.0
    assert mhz[key("b")][0] == pytest.approx(20.0)
    assert mhz[key("b")][1] == pytest.approx(20.0 / 1.3, rel=0.02)
    assert (plan.radios, plan.unplaced) == (1, 1)
    assert plan.value_now == pytest.approx(math.log(20.0))
    assert plan.gain_ratio == pytest.approx(mhz[key("b")][1] / 20.0 - 1.0)


def test_one_that_may_not_stay_is_in_the_way_where_it_is() -> None:
    near = mutual("a", "b")
    plan = plan_of(view({"a": Ap(hears=near["a"], channels=(149,)), "b": Ap(hears=near["b"])}))
    before = {each.radio: each.mhz_before for each in plan.outlook}[key("b")]
    assert before == pytest.approx(20.0 / 1.3, rel=0.02)
    assert (plan.radios, plan.unplaced) == (1, 1)


def test_where_nobody_has_a_place_there_is_nothing_to_compare() -> None:
    plan = plan_of(view({"a": Ap(on=None)}))
    assert len(plan.moves) == 1
    assert (plan.radios, plan.unplaced, plan.gain_ratio) == (0, 1, 0.0)


def test_each_move_says_what_the_site_would_lose_without_it() -> None:
    """Three of four move; without one of them two share a channel: each has 1 / (1 + 0.3) of it."""
    plan = plan_of(view(crowded()))
    assert len(plan.moves) == 3
    for move in plan.moves:
        assert move.gain == pytest.approx(2 * math.log(1.3), rel=0.02)
        assert move.target[Setting.CHANNEL] == move.after.primary


def test_a_move_that_takes_power_with_it_says_from_what_to_what() -> None:
    """In Germany 149 is for 25 mW."""
    said = {"tx_power_dbm": Reported(20.0, "test")}
    seen = view(
        {
            "a": Ap(channels=(36, 149), strangers=(("36/20", -40.0, 0.9),), said=said),
            "b": Ap(channels=(36, 40), strangers=(("36/20", -40.0, 0.9),), said=said),
        },
        country="DE",
    )
    found = {move.radio: (move.target[Setting.TX_POWER_DBM], move.params) for move in plan_of(seen).moves}
    assert found == {key("a"): (13, {"from_dbm": 20, "to_dbm": 13}), key("b"): (20, {})}


def test_no_two_neighbours_move_in_one_step() -> None:
    assert sorted(move.step for move in plan_of(view(crowded())).moves) == [0, 1, 2]


def test_a_budget_of_moves_is_kept_over_all_bands() -> None:
    """Two bands of two radios: each needs a move, and there is one."""
    near = mutual("a", "b") | mutual("c", "d")
    aps = {name: Ap(hears=near[name]) for name in ("a", "b")}
    aps |= {name: Ap(on="1/20", band=Band.GHZ_2_4, hears=near[name]) for name in ("c", "d")}
    assert len(plan_of(view(aps)).moves) == 2
    assert len(plan_of(view(aps), Wishes(most_moves=1)).moves) == 1
    assert not plan_of(view(aps), Wishes(most_moves=0)).moves


def test_moves_that_bring_less_than_they_must_are_not_made() -> None:
    """One of two on a channel leaves: both have 1 / (1 + 0.3) of it more, a gain of 0.69 all together."""
    near = mutual("a", "b")
    two = view({name: Ap(hears=near[name]) for name in near})
    assert len(plan_of(two, Wishes(least_gain=1.3**2 - 1 - 0.03)).moves) == 1
    assert not plan_of(two, Wishes(least_gain=1.3**2 - 1 + 0.03)).moves


def test_only_the_zone_that_is_asked_for_moves() -> None:
    aps = {name: Ap(hears=NEAR[name], zone="east" if name in "ab" else "west") for name in NEAR}
    plan = plan_of(view(aps), Wishes(zone="east"))
    assert {move.radio for move in plan.moves} == {key("a"), key("b")}
    assert {each.radio: each.reason for each in plan.left} == {
        key("c"): "other_zone",
        key("d"): "other_zone",
    }


def test_a_radio_without_a_place_is_given_one_whatever_it_costs() -> None:
    plan = plan_of(view({"a": Ap(on=None), "b": Ap(on="36/20")}), Wishes(most_moves=0))
    (move,) = plan.moves
    assert (move.radio, move.before, move.mhz_before) == (key("a"), None, 0.0)
    assert move.reasons == ("no_place_now",)


def test_confidence_is_how_much_was_measured_lately() -> None:
    nothing = plan_of(view({"a": Ap(scanned=False)})).confidence
    heard = plan_of(view({"a": Ap()})).confidence
    measured = plan_of(view({"a": Ap(tx=0.1)})).confidence
    assert nothing == 0.0 < heard < measured <= 1.0


def test_what_takes_from_the_confidence_is_told() -> None:
    """Of how many radios; one that listened long ago is not told of its few scans as well."""
    near = mutual("a", "b")
    pools = {name: Ap(hears=near[name], tx=0.1) for name in near}
    seen = view(pools | {"c": Ap(scanned=False), "d": Ap(tx=0.1)})
    few = {key(name): with_pool(seen.radios[key(name)], -50.0, scans=2.0) for name in near}
    plan = plan_of(replace(seen, radios={**seen.radios, **few}))
    assert plan.doubts == {"few_scans": 2, "listened_long_ago": 1, "air_not_measured": 1}
    assert plan_of(view({"a": Ap(tx=0.1)})).doubts == {}


def test_a_radio_that_nobody_listened_at_stays() -> None:
    plan = plan_of(view({"a": Ap(scanned=False, strangers=())}))
    assert not plan.moves
    assert [each.reason for each in plan.left] == ["nobody_listened_lately"]


def test_a_plan_rests_on_means_and_not_on_the_last_scan() -> None:
    """The last scan heard the neighbour faintly, all those before it loudly."""
    near = mutual("a", "b", dbm=-92.0)
    seen = view({name: Ap(hears=near[name]) for name in near})
    assert not plan_of(seen).moves
    pooled = {key(name): with_pool(seen.radios[key(name)], -50.0) for name in near}
    assert len(plan_of(replace(seen, radios=pooled)).moves) == 1


def with_pool(at: RadioView, dbm: float, scans: float = 9.0) -> RadioView:
    entries = {
        each.bssid: first(replace(each, signal_dbm=dbm), young=False)._replace(scans=scans, made=scans)
        for each in at.neighbors
    }
    return replace(at, level_pool=Levels(entries, NOW.monotonic_s, 9.0))


def test_names_of_aps_decide_nothing() -> None:
    aps = crowded() | {"e": Ap(on="44/20", hears={"a": -60.0}), "f": Ap(on=None)}
    renamed = {name: f"z{9 - number}" for number, name in enumerate(aps)}
    others = {
        renamed[name]: replace(ap, hears={renamed[other]: dbm for other, dbm in ap.hears.items()})
        for name, ap in reversed(aps.items())
    }
    one, two = plan_of(view(aps)), plan_of(view(others))
    assert two.value_now == pytest.approx(one.value_now)
    assert two.value_then == pytest.approx(one.value_then)
    assert len(two.moves) == len(one.moves)


# -- power -------------------------------------------------------------------------------------------------


def loud() -> SiteView:
    """Two on the only channel, much louder to each other and to their clients than they need to be; and one
    far away that must move."""
    near = mutual("a", "b", dbm=-35.0)
    clients = tuple(ClientReading(mac=f"c{n}", signal_dbm=-40.0) for n in range(8))
    said = {
        "tx_power_dbm": Reported(20.0, "test"),
        "power_choices_dbm": tuple(range(5, 24)),
        "clients": clients,
    }
    aps = {name: Ap(channels=(36,), hears=near[name], said=said) for name in near}
    return view(aps | {"c": Ap(on="36/20", strangers=(("36/20", -40.0, 0.9),))})


def test_powers_are_planned_with_the_channels() -> None:
    plan = plan_of(loud())
    found = {move.radio: move for move in plan.moves}
    assert set(found) == {key("a"), key("c")}  # of two neighbours one at a time
    power = found[key("a")]
    assert dict(power.target) == {Setting.TX_POWER_DBM: 17}
    assert power.before == power.after == at("36/20")
    assert power.reasons == ("cells_overlap",)
    assert power.params["to_dbm"] == 17
    assert found[key("c")].after != at("36/20")


def test_powers_are_left_alone_where_that_is_wanted() -> None:
    plan = plan_of(loud(), Wishes(power=False, obss_pd=False))
    assert {move.radio for move in plan.moves} == {key("c")}


def test_changes_of_power_count_as_moves() -> None:
    assert {move.radio for move in plan_of(loud(), Wishes(most_moves=1)).moves} == {key("c")}
    assert len(plan_of(loud(), Wishes(most_moves=2)).moves) == 2
    assert not plan_of(loud(), Wishes(most_moves=0)).moves


# -- time --------------------------------------------------------------------------------------------------


def two_bands() -> SiteView:
    """Two on one channel in each; there is more to choose from at 5 GHz."""
    near = mutual("a", "b") | mutual("c", "d")
    aps = {name: Ap(on="1/20", band=Band.GHZ_2_4, hears=near[name]) for name in ("a", "b")}
    return view(aps | {name: Ap(hears=near[name]) for name in ("c", "d")})


@pytest.mark.parametrize("hasty", [0, 1])
def test_a_band_without_time_takes_none_of_the_others(hasty: int) -> None:
    parts: list[float] = []

    def share(part: float) -> Stop:
        parts.append(part)
        late = len(parts) == hasty + 1
        return lambda: late

    plan = planned(two_bands(), Wishes(), never, share=share)
    assert plan.timed_out
    assert {move.after.band for move in plan.moves} == {(Band.GHZ_5, Band.GHZ_2_4)[hasty]}
    assert 0.0 < parts[0] < 0.5, "less than half for the band with less to choose from"
    assert parts[1:] == [1.0], "all that is left for the last"


def test_a_small_band_has_time_for_a_whole_search_beside_a_larger_one() -> None:
    """A search of few radios takes half of what one of many times as many options does, not a tenth."""
    parts: list[float] = []

    def share(part: float) -> Stop:
        parts.append(part)
        return never

    near = mutual("a", "b") | mutual(*"cdefghij")
    aps = {name: Ap(on="1/20", band=Band.GHZ_2_4, hears=near[name]) for name in ("a", "b")}
    planned(view(aps | {name: Ap(hears=near[name]) for name in "cdefghij"}), Wishes(), never, share=share)
    assert parts[0] > 0.3


def test_a_second_search_within_the_budget_has_its_time_too() -> None:
    """Each band finds a move, only one is to be made, and one band is searched again."""
    parts: list[float] = []

    def share(part: float) -> Stop:
        parts.append(part)
        return never

    plan = planned(two_bands(), Wishes(most_moves=1), never, share=share)
    assert len(plan.moves) == 1
    assert not plan.timed_out
    first, second, again, *_ = parts
    assert first + (1.0 - first) * second == pytest.approx(0.5)
    assert again == 1.0


# -- the exact solver --------------------------------------------------------------------------------------


def exactly(better: Choice | None = None, spare: float | None = 0.25) -> list[tuple[int | None, float]]:
    """Plans with a solver that says so, and tells what it was asked."""
    asked: list[tuple[int | None, float]] = []

    def solver(problem: Problem, start: Choice, *, most_moves: int | None, move_price: float) -> Solved:
        asked.append((most_moves, move_price))
        choice = better or start
        reached = objective(problem, choice, move_price)
        bound = None if spare is None else reached + spare
        return Solved(choice=choice, objective=reached, bound=bound)

    plan = planned(view(crowded()), Wishes(), never, exact=solver)
    assert plan.bound == (None if spare is None else pytest.approx(plan.value_then + spare))
    return asked


def test_a_proof_is_told_with_the_plan() -> None:
    assert exactly() == [(None, math.log1p(0.1))]
    exactly(spare=None)


def spared(problem: Problem, start: Choice, *, most_moves: int | None, move_price: float) -> Solved:
    """A quarter of a nat is all that might be had."""
    reached = objective(problem, start, move_price)
    return Solved(choice=start, objective=reached, bound=reached + 0.25)


@pytest.mark.parametrize(
    ("seen", "unplaced"), [(loud(), 0), (view({"c": Ap(on=None), "d": Ap(on="149/20")}), 1)]
)
def test_a_bound_is_told_of_the_same_as_the_value_only(seen: SiteView, unplaced: int) -> None:
    """Where powers change too, or somebody has no place now, the proof speaks of the channels alone."""
    plan = planned(seen, Wishes(), never, exact=spared)
    assert plan.unplaced == unplaced
    assert plan.bound is None
    assert plan.proof is not None
    assert plan.proof.bound == pytest.approx(plan.proof.value + 0.25)
    assert plan.proof.radios == len(plan.outlook)


def test_a_proof_speaks_of_the_channels_at_the_powers_of_now() -> None:
    with_powers = planned(loud(), Wishes(), never, exact=spared)
    without = planned(loud(), Wishes(power=False), never, exact=spared)
    assert without.bound == pytest.approx(without.value_then + 0.25)
    assert with_powers.proof == without.proof is not None
    assert without.proof.value == pytest.approx(without.value_then - len(without.moves) * math.log(1.1))


def test_a_worse_choice_of_the_solver_is_not_taken() -> None:
    seen = view(crowded())

    def solver(problem: Problem, start: Choice, *, most_moves: int | None, move_price: float) -> Solved:
        now = tuple(member.now or 0 for member in problem.members)
        return Solved(choice=now, objective=objective(problem, now), bound=None)

    assert planned(seen, Wishes(), never, exact=solver) == plan_of(seen)


def test_nobody_is_asked_for_a_proof_that_nobody_wants() -> None:
    def solver(problem: Problem, start: Choice, *, most_moves: int | None, move_price: float) -> Solved:
        raise AssertionError

    assert planned(view(crowded()), Wishes(exact=False), never, exact=solver).bound is None


def test_who_is_stopped_at_once_still_has_a_plan() -> None:
    plan = planned(view(crowded()), Wishes(), lambda: True)
    assert plan.timed_out
    assert not plan.moves
    assert {each.after for each in plan.outlook} == {at("36/20")}
