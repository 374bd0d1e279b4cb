"""Each sentence of the rule by which a change is called WORSE has a test that fails when it is broken."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agent.baseline import Baseline, baseline_of, in_trouble
from agent.comparison import RadioSeries
from agent.departures import ClientCensus
from agent.judgement import Code, Judgement, Verdict
from agent.metric import Metric
from agent.monitor import IncidentBefore, judge, new_critical
from agent.slots import Slot
from inventory.model import MonitorPolicy, radio_key

POLICY = MonitorPolicy(retry_floor=0.03, more_slots_above=8)
"""Round numbers for the examples below: 3 points, 8 of 10."""
ACK_S = 10_000.0
START_S = ACK_S + POLICY.settle_s


def run(start_s: float, retry: Sequence[float], **fields: Any) -> tuple[Slot, ...]:
    """Slots of a minute, one after the other; ``fields`` hold one value, or one for each slot."""
    return tuple(
        Slot(
            start_s=start_s + 60 * at,
            end_s=start_s + 60 * (at + 1),
            retry_ratio=value,
            **(
                {"valid": True, "frames": 900}
                | {n: v[at] if isinstance(v, list) else v for n, v in fields.items()}
            ),
        )
        for at, value in enumerate(retry)
    )


def before(retry: Sequence[float] = (0.10,) * 20, **fields: Any) -> Baseline:
    slots = run(ACK_S - 60 * len(retry) - 10, retry, **fields)
    baseline = baseline_of(slots, POLICY, before_s=ACK_S)
    assert baseline is not None
    return baseline


def after(retry: Sequence[float], **fields: Any) -> tuple[Slot, ...]:
    return run(START_S, retry, **fields)


def series(name: str, change: float, *, slots: int = 5, level: float = 0.1, **fields: Any) -> RadioSeries:
    """Another radio whose retries changed by a factor."""
    return RadioSeries(
        key=radio_key("site", name, "r0"),
        baseline=before((level,) * 20),
        after=after((level * change,) * slots, **fields),
    )


def controls(*changes: float, slots: int = 5) -> list[RadioSeries]:
    return [series(f"c{at}", change, slots=slots) for at, change in enumerate(changes)]


def verdict(slots: Sequence[Slot], **arguments: Any) -> Judgement:
    now_s = max([slot.end_s for slot in slots], default=START_S)
    base: dict[str, Any] = {"baseline": before(), "ack_s": ACK_S, "now_s": now_s, "policy": POLICY}
    return judge(after=slots, **(base | arguments))


# The baseline: "the last 20 valid slots before the write (at least 10) ... median b, 80th percentile q".


def test_baseline_is_never_taken_after_the_change() -> None:
    good, bad = run(0, (0.1,) * 20), run(1200, (0.9,) * 20)
    baseline = baseline_of(good + bad, POLICY, before_s=1200)
    assert baseline is not None
    assert baseline.levels[Metric.RETRY].b == 0.1
    assert baseline.end_s == 1200
    assert baseline_of(bad, POLICY, before_s=1200) is None
    straddling = (replace(bad[0], start_s=1199.0),)
    assert baseline_of(good[-9:] + straddling, POLICY, before_s=1200) is None


def test_baseline_is_median_and_80th_percentile_of_the_last_20_valid_slots() -> None:
    old, recent = run(0, (0.9,) * 30), run(1800, [at / 100 for at in range(21)])
    idle = run(3060, (0.9,) * 5, valid=False)
    baseline = baseline_of(old + recent + idle, POLICY, before_s=1e9)
    assert baseline is not None
    level = baseline.levels[Metric.RETRY]
    assert (level.n, baseline.slots, baseline.start_s) == (20, 20, 1860)
    assert level.b == pytest.approx(0.105)
    assert level.q == pytest.approx(0.162)


def test_a_change_because_of_trouble_is_held_against_the_trouble() -> None:
    """Undone, it would go back to 30 %, not to the 10 % of the calm before."""
    slots = run(0, (0.10,) * 17 + (0.30, 0.28, 0.32), bytes_per_airtime=500.0)
    calm = baseline_of(slots, POLICY, before_s=1e9)
    assert calm is not None
    held = in_trouble(calm, slots, before_s=1e9)
    assert (calm.levels[Metric.RETRY].b, held.levels[Metric.RETRY].b) == (0.10, 0.30)
    assert held.levels[Metric.RETRY].q == 0.30
    assert held.levels[Metric.BYTES_PER_AIRTIME] == calm.levels[Metric.BYTES_PER_AIRTIME]
    partly = run(START_S, (0.22,) * 5)
    assert verdict(partly, baseline=calm).verdict is Verdict.WORSE
    assert verdict(partly, baseline=held).verdict is Verdict.HELD


def test_trouble_that_is_better_than_usual_changes_no_baseline() -> None:
    slots = run(0, (0.10,) * 17 + (0.05,) * 3)
    calm = baseline_of(slots, POLICY, before_s=1e9)
    assert calm is not None
    assert in_trouble(calm, slots, before_s=1e9) == calm
    assert in_trouble(calm, (), before_s=1e9) == calm


def test_baseline_needs_ten_valid_slots() -> None:
    assert baseline_of(run(0, (0.1,) * 9), POLICY, before_s=1e9) is None
    assert baseline_of(run(0, (0.1,) * 10), POLICY, before_s=1e9) is not None


def test_a_metric_that_is_seldom_reported_has_no_level() -> None:
    baseline = before(per=[0.01] * 9 + [None] * 11)
    assert Metric.RETRY in baseline.levels
    assert Metric.PER not in baseline.levels


def test_the_worse_fifth_of_throughput_is_the_lowest() -> None:
    level = before(bytes_per_airtime=[float(at) for at in range(1, 21)]).levels[Metric.BYTES_PER_AIRTIME]
    assert level.q < level.b


def test_baseline_survives_json() -> None:
    baseline = before(per=0.01, bytes_per_airtime=4000.0, clients=12, disconnects_per_minute=0.5)
    assert Baseline.from_json(json.loads(json.dumps(baseline.to_json()))) == baseline
    empty = before()
    assert Baseline.from_json(json.loads(json.dumps(empty.to_json()))) == empty


@pytest.mark.parametrize("broken", [{}, {"levels": {"nonsense": {}}}, {"levels": {"per": {"b": 1}}}])
def test_a_broken_baseline_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Baseline.from_json(broken)


# "Start 30 s after the ack."


def test_slots_that_begin_before_the_settling_is_over_are_ignored() -> None:
    slots = run(ACK_S, (0.9,) * 5)
    assert verdict(slots).verdict is Verdict.TOO_EARLY
    assert verdict(after((0.9,) * 5)).verdict is Verdict.WORSE


def test_slots_that_end_later_than_now_are_ignored() -> None:
    assert verdict(after((0.9,) * 5), now_s=START_S + 299).verdict is Verdict.TOO_EARLY


# "Retry and PER, over 5 slots: median >= 2 c b, at least 3 points (1 point) above c b, all 5 above c q."


def test_twice_the_retries_in_five_slots_is_worse() -> None:
    found = verdict(after((0.20,) * 5))
    assert (found.verdict, found.code, found.next_look_at) == (Verdict.WORSE, Code.RETRY, None)
    assert found.final
    assert found.params["after_ppm"] == 200_000
    assert found.params["before_ppm"] == 100_000
    assert found.effect[0].before == pytest.approx(0.10)
    assert found.effect[0].after == pytest.approx(0.20)


def test_less_than_twice_is_not_worse_at_the_first_look() -> None:
    assert verdict(after((0.199,) * 5)).code is Code.EXTENDED


def test_four_slots_are_too_early_whatever_they_say() -> None:
    assert verdict(after((0.9,) * 4)).verdict is Verdict.TOO_EARLY
    assert verdict(after((0.9,) * 5, valid=[True] * 4 + [False])).verdict is Verdict.TOO_EARLY


def test_all_five_must_be_above_q() -> None:
    spread = before([0.08] * 8 + [0.10] * 7 + [0.15] * 5)
    q = spread.levels[Metric.RETRY].q
    assert verdict(after((0.3, 0.3, 0.3, 0.3, q + 0.001)), baseline=spread).verdict is Verdict.WORSE
    assert verdict(after((0.3, 0.3, 0.3, 0.3, q)), baseline=spread).code is Code.EXTENDED


def test_three_points_of_retry_are_the_floor() -> None:
    low = before((0.01,) * 20)
    assert verdict(after((0.039,) * 5), baseline=low).code is Code.EXTENDED
    assert verdict(after((0.0401,) * 5), baseline=low).verdict is Verdict.WORSE


def test_one_point_of_per_is_the_floor() -> None:
    low = before(per=0.001)
    assert verdict(after((0.1,) * 5, per=0.0109), baseline=low).code is Code.EXTENDED
    found = verdict(after((0.1,) * 5, per=0.0111), baseline=low)
    assert (found.verdict, found.code) == (Verdict.WORSE, Code.PER)


def test_a_radio_without_any_retry_before_needs_the_floor() -> None:
    clean = before((0.0,) * 20)
    assert verdict(after((0.02,) * 10), baseline=clean).verdict is Verdict.HELD
    assert verdict(after((0.03,) * 5), baseline=clean).verdict is Verdict.WORSE


# "Else, at >= 1.3 c b, extend to 10 slots: WORSE if still so with the same floor and 8 of 10 above c q."


def test_below_1_3_is_held_at_the_first_look() -> None:
    found = verdict(after((0.129,) * 5))
    assert (found.verdict, found.code) == (Verdict.HELD, Code.HELD)
    assert found.params["look_slots"] == 5


def test_at_1_3_it_is_extended_to_ten() -> None:
    for slots in range(5, 10):
        found = verdict(after((0.14,) * slots))
        assert (found.verdict, found.code) == (Verdict.TOO_EARLY, Code.EXTENDED)
    found = verdict(after((0.14,) * 10))
    assert (found.verdict, found.code) == (Verdict.WORSE, Code.RETRY)
    assert found.params["look_slots"] == 10


def test_ten_slots_that_fell_back_are_held() -> None:
    found = verdict(after((0.14,) * 5 + (0.10,) * 5))
    assert found.verdict is Verdict.HELD
    assert found.params["look_slots"] == 10


def test_at_ten_the_median_must_still_be_1_3() -> None:
    assert verdict(after((0.14,) * 5 + (0.115,) * 5)).verdict is Verdict.HELD
    assert verdict(after((0.14,) * 5 + (0.125,) * 5)).verdict is Verdict.WORSE


def test_at_ten_the_floor_is_the_same() -> None:
    low = before((0.05,) * 20)
    assert verdict(after((0.079,) * 10), baseline=low).verdict is Verdict.HELD
    assert verdict(after((0.081,) * 10), baseline=low).verdict is Verdict.WORSE


def test_at_ten_eight_must_be_above_q() -> None:
    assert verdict(after((0.16,) * 8 + (0.10,) * 2)).verdict is Verdict.WORSE
    assert verdict(after((0.16,) * 7 + (0.10,) * 3)).verdict is Verdict.HELD


# "Otherwise HELD, and no further looks."


def test_what_was_clear_at_the_first_look_is_not_looked_at_again() -> None:
    suspect_per = before(per=0.05)
    retry = (0.12,) * 5 + (0.90,) * 5
    found = verdict(after(retry, per=[0.07] * 5 + [0.05] * 5), baseline=suspect_per)
    assert found.verdict is Verdict.HELD


def test_later_slots_change_nothing() -> None:
    assert verdict(after((0.10,) * 5 + (0.9,) * 10)).verdict is Verdict.HELD
    assert verdict(after((0.14,) * 5 + (0.10,) * 5 + (0.9,) * 5)).verdict is Verdict.HELD


# "Controls: c = median of after/before over at least 3 ..., clamped to 1..2; without controls 1."


def test_what_hits_the_whole_site_is_not_the_changes_fault() -> None:
    assert verdict(after((0.22,) * 5)).verdict is Verdict.WORSE
    found = verdict(after((0.22,) * 5), controls=controls(2.0, 2.0, 2.0))
    assert found.verdict is Verdict.HELD
    assert found.effect[0].c == pytest.approx(2.0)


def test_c_is_the_median_of_the_controls() -> None:
    found = verdict(after((0.10,) * 5), controls=controls(1.0, 1.5, 9.0))
    assert found.effect[0].c == pytest.approx(1.5)


def test_two_controls_are_none() -> None:
    found = verdict(after((0.22,) * 5), controls=controls(2.0, 2.0))
    assert found.verdict is Verdict.WORSE
    assert found.params["c_ppm"] == 1_000_000


def test_c_is_clamped_to_1_and_2() -> None:
    calm = verdict(after((0.20,) * 5), controls=controls(0.2, 0.2, 0.2))
    assert (calm.verdict, calm.params["c_ppm"]) == (Verdict.WORSE, 1_000_000)
    wild = verdict(after((0.40,) * 5), controls=controls(5.0, 5.0, 5.0))
    assert (wild.verdict, wild.params["c_ppm"]) == (Verdict.WORSE, 2_000_000)


def test_c_scales_the_floor_and_q_too() -> None:
    site = controls(1.5, 1.5, 1.5)
    assert verdict(after((0.300001,) * 5), controls=site).verdict is Verdict.WORSE
    low = before((0.01,) * 20)
    assert verdict(after((0.046,) * 5), baseline=low, controls=site).verdict is Verdict.WORSE
    assert verdict(after((0.044,) * 5), baseline=low, controls=site).code is Code.EXTENDED
    spread = before([0.08] * 8 + [0.10] * 7 + [0.15] * 5)
    q = spread.levels[Metric.RETRY].q
    slots = after((0.4, 0.4, 0.4, 0.4, 1.4 * q))
    assert verdict(slots, baseline=spread).verdict is Verdict.WORSE
    assert verdict(slots, baseline=spread, controls=site).code is Code.EXTENDED


def test_a_control_counts_only_the_time_of_the_look() -> None:
    late = [
        RadioSeries(key=one.key, baseline=one.baseline, after=after((0.1,) * 5 + (0.9,) * 10))
        for one in controls(1, 1, 1)
    ]
    assert verdict(after((0.2,) * 5), controls=late, now_s=START_S + 900).verdict is Verdict.WORSE


def test_a_control_that_was_hardly_seen_is_no_control() -> None:
    hardly = controls(2.0, 2.0, 2.0, slots=2)
    assert verdict(after((0.22,) * 5), controls=hardly).verdict is Verdict.WORSE
    idle = [series(f"c{at}", 2.0, valid=False) for at in range(3)]
    assert verdict(after((0.22,) * 5), controls=idle).verdict is Verdict.WORSE


# "Clients: >= 3 and >= 50 % nowhere on the site 120 s after the ack, while the controls lost < 20 %."


def macs(count: int, prefix: str = "m") -> frozenset[str]:
    return frozenset(f"{prefix}{at}" for at in range(count))


def census(had: int, lost: int, at_s: float = ACK_S + 120, **fields: Any) -> ClientCensus:
    left = frozenset(f"m{at}" for at in range(lost, had))
    return ClientCensus(at_s=at_s, before=macs(had), site=left | fields.pop("site", frozenset()), **fields)


def lost(taken: ClientCensus | None, **arguments: Any) -> Judgement:
    return verdict((), census=taken, **({"now_s": ACK_S + 125} | arguments))


@pytest.mark.parametrize(
    ("had", "gone", "worse"), [(6, 3, True), (4, 2, False), (2, 2, False), (8, 4, True), (8, 3, False)]
)
def test_three_clients_and_half_of_them(had: int, gone: int, worse: bool) -> None:
    found = lost(census(had, gone))
    assert (found.code is Code.CLIENTS_LOST) is worse
    assert (found.verdict is Verdict.WORSE) is worse


def test_clients_elsewhere_on_the_site_are_not_lost() -> None:
    assert lost(census(6, 6, site=macs(4))).verdict is Verdict.TOO_EARLY


def test_clients_are_counted_120_s_after_the_ack_not_before() -> None:
    early = census(6, 6, at_s=ACK_S + 119)
    assert lost(early).verdict is Verdict.TOO_EARLY
    future = census(6, 6, at_s=ACK_S + 130)
    assert lost(future).verdict is Verdict.TOO_EARLY


def test_when_the_controls_lost_theirs_too_it_is_not_the_change() -> None:
    others = macs(10, "c")
    kept = frozenset(sorted(others)[:8])
    assert lost(census(6, 6, controls_before=others, site=kept)).verdict is Verdict.TOO_EARLY
    kept = frozenset(sorted(others)[:9])
    assert lost(census(6, 6, controls_before=others, site=kept)).verdict is Verdict.WORSE


def test_lost_clients_need_no_baseline() -> None:
    assert lost(census(6, 6), baseline=None).verdict is Verdict.WORSE


def test_held_waits_for_the_look_at_the_clients() -> None:
    quick = replace(POLICY, slot_s=6.0)
    slots = tuple(
        Slot(start_s=START_S + 6 * at, end_s=START_S + 6 * (at + 1), valid=True, frames=900, retry_ratio=0.1)
        for at in range(5)
    )
    found = verdict(slots, policy=quick)
    assert (found.verdict, found.code) == (Verdict.TOO_EARLY, Code.WAITING)
    assert verdict(slots, policy=quick, now_s=ACK_S + 120).verdict is Verdict.HELD


# "Distinct disconnections ... > max(10, 10 % of clients, 3 x baseline) per minute in 3 of 5 slots: WORSE."


def disconnects(rates: list[float], baseline: Baseline | None, **fields: Any) -> Judgement:
    slots = after((0.1,) * len(rates), disconnects_per_minute=rates, **fields)
    return verdict(slots, baseline=baseline)


def test_more_than_ten_disconnections_a_minute_in_three_of_five_slots() -> None:
    few = before(disconnects_per_minute=0.0, clients=10)
    assert disconnects([11.0, 0.0, 11.0, 0.0, 11.0], few).code is Code.DISCONNECTS
    assert disconnects([11.0, 0.0, 11.0, 0.0, 10.0], few).verdict is Verdict.HELD
    assert disconnects([11.0, 11.0, 0.0, 0.0, 0.0, 11.0], few).verdict is Verdict.HELD
    assert disconnects([11.0, 11.0, 11.0], None).verdict is Verdict.WORSE


def test_a_tenth_of_many_clients_may_go_each_minute() -> None:
    many = before(disconnects_per_minute=0.0, clients=200)
    assert disconnects([20.0] * 5, many).verdict is Verdict.HELD
    assert disconnects([20.1] * 5, many).verdict is Verdict.WORSE


def test_three_times_the_usual_disconnections_are_allowed() -> None:
    restless = before(disconnects_per_minute=6.0, clients=10)
    assert disconnects([18.0] * 5, restless).verdict is Verdict.HELD
    assert disconnects([18.1] * 5, restless).verdict is Verdict.WORSE


# "Throughput as bytes per own transmit airtime, -40 % by the same 5/10-slot rule."

FAST: dict[str, Any] = {"bytes_per_airtime": 5000.0}


def test_forty_percent_less_per_air_time_in_all_five_is_worse() -> None:
    found = verdict(after((0.1,) * 5, bytes_per_airtime=2990.0), baseline=before(**FAST))
    assert (found.verdict, found.code) == (Verdict.WORSE, Code.THROUGHPUT)
    assert found.params["after_bytes_per_s"] == 2_990_000
    held = verdict(after((0.1,) * 5, bytes_per_airtime=3010.0), baseline=before(**FAST))
    assert held.verdict is Verdict.HELD


def test_throughput_is_extended_to_ten_slots_and_needs_eight() -> None:
    uneven = [2900.0] * 4 + [5000.0]
    base = before(**FAST)
    assert verdict(after((0.1,) * 5, bytes_per_airtime=uneven), baseline=base).code is Code.EXTENDED
    eight = uneven + [2900.0] * 4 + [5000.0]
    assert verdict(after((0.1,) * 10, bytes_per_airtime=eight), baseline=base).verdict is Verdict.WORSE
    seven = uneven + [2900.0] * 3 + [5000.0] * 2
    assert verdict(after((0.1,) * 10, bytes_per_airtime=seven), baseline=base).verdict is Verdict.HELD


def test_fewer_bytes_alone_never_decide() -> None:
    lunch = after((0.1,) * 5, bytes_per_airtime=5000.0, frames=210)
    assert verdict(lunch, baseline=before(frames=90_000, **FAST)).verdict is Verdict.HELD


def test_throughput_that_falls_on_the_whole_site_is_excused() -> None:
    halved = [
        RadioSeries(
            key=radio_key("site", f"c{at}", "r0"),
            baseline=before(**FAST),
            after=after((0.1,) * 5, bytes_per_airtime=2500.0),
        )
        for at in range(3)
    ]
    slots = after((0.1,) * 5, bytes_per_airtime=2500.0)
    assert verdict(slots, baseline=before(**FAST)).verdict is Verdict.WORSE
    assert verdict(slots, baseline=before(**FAST), controls=halved).verdict is Verdict.HELD


def test_no_bytes_at_all_is_the_worst_throughput() -> None:
    slots = after((0.1,) * 5, bytes_per_airtime=0.0)
    assert verdict(slots, baseline=before(**FAST)).code is Code.THROUGHPUT


# "A new critical event on that radio, not radar, with a new key: WORSE at once."


def test_a_new_critical_event_is_worse_at_once() -> None:
    found = verdict((), critical_event="HW_FAILURE/site/ap/r0", now_s=ACK_S + 1, baseline=None)
    assert (found.verdict, found.code) == (Verdict.WORSE, Code.CRITICAL_EVENT)


def test_radar_and_known_keys_are_no_new_critical_event() -> None:
    raised = [("DFS_RADAR", "radar"), ("HW_FAILURE", "old"), ("SECURITY", "new")]
    assert new_critical(raised, frozenset({"old"})) == "new"
    assert new_critical(raised[:2], frozenset({"old"})) is None


# "Co-channel neighbours are put to the same test."


def test_a_change_that_harms_a_neighbour_is_worse() -> None:
    found = verdict(after((0.05,) * 5), neighbours=[series("n0", 1.0), series("n1", 2.0)])
    assert (found.verdict, found.code) == (Verdict.WORSE, Code.NEIGHBOUR_RETRY)
    assert found.sufferer == radio_key("site", "n1", "r0")


def test_a_neighbour_has_the_same_first_and_second_look() -> None:
    suspect = series("n", 1.4)
    assert verdict(after((0.1,) * 5), neighbours=[suspect]).code is Code.WAITING
    assert verdict(after((0.1,) * 10), neighbours=[series("n", 1.4, slots=10)]).verdict is Verdict.WORSE
    assert verdict(after((0.1,) * 10), neighbours=[series("n", 1.2, slots=10)]).verdict is Verdict.HELD


def test_a_neighbours_throughput_is_not_tested() -> None:
    neighbour = RadioSeries(
        key=radio_key("site", "n", "r0"),
        baseline=before(**FAST),
        after=after((0.1,) * 5, bytes_per_airtime=100.0),
    )
    assert verdict(after((0.1,) * 5), neighbours=[neighbour]).verdict is Verdict.HELD


def test_an_idle_neighbour_is_not_waited_for() -> None:
    idle = series("n", 1.0, valid=False)
    assert verdict(after((0.1,) * 5), neighbours=[idle]).verdict is Verdict.HELD


def test_a_late_neighbour_is_waited_for_as_long_as_its_own_slots_take() -> None:
    late = series("n", 1.0, slots=2)
    assert verdict(after((0.1,) * 5), neighbours=[late]).verdict is Verdict.TOO_EARLY
    assert verdict(after((0.1,) * 6), neighbours=[late]).verdict is Verdict.HELD
    slow = replace(late, refresh_s=180.0)
    assert verdict(after((0.1,) * 6), neighbours=[slow]).verdict is Verdict.TOO_EARLY
    assert verdict(after((0.1,) * 15), neighbours=[slow]).verdict is Verdict.HELD


# "Too few valid slots after 15: NO_DATA."


def test_too_few_valid_slots_after_15_is_no_data() -> None:
    few = [True] * 4 + [False] * 11
    assert verdict(after((0.1,) * 14, valid=few[:14])).verdict is Verdict.TOO_EARLY
    found = verdict(after((0.1,) * 15, valid=few))
    assert (found.verdict, found.code) == (Verdict.NO_DATA, Code.TOO_FEW_SLOTS)
    assert not found.final


def test_an_extension_that_never_fills_is_no_data() -> None:
    found = verdict(after((0.14,) * 15, valid=[True] * 9 + [False] * 6))
    assert found.verdict is Verdict.NO_DATA


def test_a_silent_radio_is_no_data_when_its_time_is_over() -> None:
    assert verdict((), now_s=START_S + 16 * 60 - 1).verdict is Verdict.TOO_EARLY
    assert verdict((), now_s=START_S + 16 * 60).verdict is Verdict.NO_DATA
    assert verdict((), now_s=START_S + 16 * 60, refresh_s=180.0).verdict is Verdict.TOO_EARLY


def test_no_data_may_still_become_a_verdict() -> None:
    valid = [True] * 4 + [False] * 11 + [True]
    assert verdict(after((0.3,) * 16, valid=valid)).verdict is Verdict.WORSE


def test_without_a_baseline_there_is_no_data() -> None:
    assert verdict(after((0.9,) * 14), baseline=None).verdict is Verdict.TOO_EARLY
    found = verdict(after((0.9,) * 15), baseline=None)
    assert (found.verdict, found.code) == (Verdict.NO_DATA, Code.NO_BASELINE)


def test_a_baseline_with_no_metric_in_common_is_no_data() -> None:
    blind = Baseline(start_s=0, end_s=1, slots=20)
    assert verdict(after((0.9,) * 14), baseline=blind).verdict is Verdict.TOO_EARLY
    assert verdict(after((0.9,) * 15), baseline=blind).verdict is Verdict.NO_DATA


def test_the_next_look_is_at_the_next_slot_or_at_the_clients() -> None:
    assert verdict((), now_s=ACK_S + 1).next_look_at == START_S + 60
    assert verdict(after((0.1,))).next_look_at == ACK_S + 120
    assert verdict(after((0.1,) * 3)).next_look_at == START_S + 240


# INEFFECTIVE: "the incident it was for is not relieved by 20 %".


@pytest.mark.parametrize(("now", "found"), [(0.79, Verdict.HELD), (0.81, Verdict.INEFFECTIVE)])
def test_an_incident_not_relieved_by_a_fifth_is_ineffective(now: float, found: Verdict) -> None:
    incident = IncidentBefore(metric=Metric.BUSY, before=1.0)
    judged = verdict(after((0.1,) * 5, busy_ratio=now), incident=incident)
    assert judged.verdict is found
    assert judged.effect[0].metric is Metric.BUSY
    assert (judged.effect[0].before, judged.effect[0].after) == (1.0, now)


def test_worse_comes_before_ineffective() -> None:
    incident = IncidentBefore(metric=Metric.NON_WIFI, before=0.8)
    assert verdict(after((0.5,) * 5, non_wifi_ratio=0.8), incident=incident).verdict is Verdict.WORSE


def test_relief_that_nobody_reports_is_not_denied() -> None:
    incident = IncidentBefore(metric=Metric.NON_WIFI, before=0.8)
    assert verdict(after((0.1,) * 5), incident=incident).verdict is Verdict.HELD


def test_params_are_integers() -> None:
    found = verdict(after((0.5,) * 5, bytes_per_airtime=0.0), baseline=before(**FAST))
    assert all(isinstance(value, int) for value in found.params.values())


# Properties.

ratio = st.none() | st.floats(0, 1)
MOSTLY = st.sampled_from([True, True, True, False])
slot_values = st.fixed_dictionaries(
    {
        "retry_ratio": ratio,
        "per": ratio,
        "bytes_per_airtime": st.none() | st.floats(0, 1e6),
        "disconnects_per_minute": st.none() | st.floats(0, 50),
        "clients": st.none() | st.integers(0, 300),
        "valid": MOSTLY,
    }
)


def slots_at(start_s: float, values: Sequence[dict[str, Any]]) -> tuple[Slot, ...]:
    return tuple(
        Slot(start_s=start_s + 60 * at, end_s=start_s + 60 * at + 60, frames=900, **value)
        for at, value in enumerate(values)
    )


# a few values in turn make many slots: cheaper to draw, and as varied where it matters
many_slots = st.tuples(st.lists(slot_values, min_size=1, max_size=4), st.integers(0, 18)).map(
    lambda drawn: [drawn[0][at % len(drawn[0])] for at in range(drawn[1])]
)
some_baseline = many_slots.map(lambda values: baseline_of(slots_at(0, values), POLICY, before_s=ACK_S))


@st.composite
def some_series(draw: st.DrawFn) -> RadioSeries:
    level = draw(some_baseline) or before()
    return RadioSeries(
        key=radio_key("site", "x", "r0"), baseline=level, after=slots_at(START_S, draw(many_slots))
    )


@settings(deadline=None, max_examples=100)
@given(
    baseline=some_baseline,
    values=many_slots,
    others=st.lists(some_series(), max_size=4),
    near=st.lists(some_series(), max_size=2),
    now_s=st.floats(ACK_S, ACK_S + 3000),
    event=st.none() | st.text(),
    before_incident=st.none() | st.floats(0, 1),
)
def test_judge_never_raises_and_says_when_to_look_again(
    baseline: Baseline | None,
    values: list[dict[str, Any]],
    others: list[RadioSeries],
    near: list[RadioSeries],
    now_s: float,
    event: str | None,
    before_incident: float | None,
) -> None:
    incident = None
    if before_incident is not None:
        incident = IncidentBefore(metric=Metric.RETRY, before=before_incident)
    found = judge(
        baseline=baseline,
        after=slots_at(START_S, values),
        controls=others,
        neighbours=near,
        critical_event=event,
        incident=incident,
        ack_s=ACK_S,
        now_s=now_s,
        policy=POLICY,
    )
    assert found.final is (found.next_look_at is None)
    assert found.next_look_at is None or found.next_look_at >= now_s
    assert all(isinstance(value, int) for value in found.params.values())


retries = st.lists(st.floats(0, 0.15), min_size=10, max_size=20)


@given(was=retries, now=st.lists(st.floats(0, 1), min_size=5, max_size=15))
def test_worse_needs_every_condition(was: list[float], now: list[float]) -> None:
    baseline = before(was)
    level = baseline.levels[Metric.RETRY]
    found = verdict(after(now), baseline=baseline)
    if found.verdict is not Verdict.WORSE:
        return
    look = sorted(now[: found.params["look_slots"]])
    middle = (look[(len(look) - 1) // 2] + look[len(look) // 2]) / 2
    assert middle - level.b >= 0.03 - 1e-12
    assert sum(value > level.q for value in look) >= {5: 5, 10: 8}[len(look)]
    assert middle >= {5: 2.0, 10: 1.3}[len(look)] * level.b - 1e-12


@given(
    was=retries,
    now=st.lists(st.floats(0.1, 0.6), min_size=15, max_size=15),
    rises=st.lists(st.floats(1, 3), min_size=15, max_size=15),
)
def test_worse_slots_never_turn_worse_into_held(
    was: list[float], now: list[float], rises: list[float]
) -> None:
    baseline = before(was)
    assume(verdict(after(now), baseline=baseline).verdict is Verdict.WORSE)
    harder = [min(1.0, value * rise) for value, rise in zip(now, rises, strict=True)]
    assert verdict(after(harder), baseline=baseline).verdict is Verdict.WORSE
