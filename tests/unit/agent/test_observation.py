"""Readings to observations to slots: wraps, resets, late refreshes, garbage, roams."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.counters import Flaw
from agent.history import History
from agent.observation import Observation, observe
from agent.slots import fold
from drivers.types import ClientReading, Counters, Gauges, RadioReading, RadioState, Reported, SurveyReading
from inventory.model import Band, MonitorPolicy, radio_key

KEY = radio_key("site", "ap", "r0")
POLICY = MonitorPolicy()


def reading(at_s: float, **fields: Any) -> RadioReading:
    base: dict[str, Any] = {"state": RadioState.ON_AIR, "band": Band.GHZ_5}
    return RadioReading(key=KEY, at_s=at_s, **(base | fields))


def client(mac: str, frames: int, **fields: Any) -> ClientReading:
    numbers: dict[str, Any] = {
        "tx_frames": frames,
        "tx_retries": frames // 10,
        "tx_failed": frames // 100,
        "tx_bytes": frames * 1000,
        "connected_s": 1000.0,
    }
    return ClientReading(mac=mac, **(numbers | fields))


def survey(active: int, busy: int, rx: int, tx: int, mhz: int = 5180) -> tuple[SurveyReading, ...]:
    used = SurveyReading(
        frequency_mhz=mhz,
        in_use=True,
        noise_dbm=-95.0,
        active_ms=active,
        busy_ms=busy,
        rx_ms=rx,
        tx_ms=tx,
    )
    return (SurveyReading(frequency_mhz=5500, active_ms=10**9, busy_ms=1), used)


def observed(before: RadioReading, after: RadioReading) -> Observation:
    observation = observe(before, after)
    assert observation is not None
    return observation


def test_rates_are_sums_over_clients_in_both_readings() -> None:
    before = reading(0, clients=(client("a", 1000), client("b", 500), client("left", 100)))
    after = reading(30, clients=(client("a", 1800), client("b", 700), client("new", 9000)))
    seen = observed(before, after)
    assert (seen.frames, seen.retries, seen.failed, seen.bytes) == (1000, 100, 10, 1_000_000)
    assert seen.retry_ratio == pytest.approx(100 / 1100)
    assert seen.per == pytest.approx(0.01)
    assert seen.gone == frozenset({"left"})
    assert seen.left == 1
    assert seen.client_count == 3
    assert (seen.at_s, seen.span_s, seen.start_s) == (30, 30, 0)


def test_nothing_reported_is_none_not_zero() -> None:
    seen = observed(reading(0, survey=survey(0, 0, 0, 0)), reading(30, survey=survey(30_000, 1, 1, 0)))
    assert seen.frames is None
    assert seen.retry_ratio is None
    assert seen.per is None
    assert seen.client_count is None
    assert seen.gone is None
    assert seen.left == 0


def test_no_frames_give_no_ratio() -> None:
    seen = observed(
        reading(0, clients=(client("a", 5),)), reading(30, clients=(client("a", 5), client("b", 1)))
    )
    assert seen.frames == 0
    assert seen.retry_ratio is None
    assert seen.per is None


def test_the_first_reading_gives_no_observation() -> None:
    assert observe(None, reading(0, clients=())) is None


def test_a_client_that_rejoined_counts_from_zero() -> None:
    before = reading(0, clients=(client("a", 50_000),))
    after = reading(30, clients=(client("a", 300, connected_s=12.0),))
    seen = observed(before, after)
    assert (seen.frames, seen.retries) == (300, 30)
    assert seen.gone == frozenset({"a"})


@pytest.mark.parametrize("connected_s", [None, 500.0])
def test_a_client_whose_counters_fell_without_a_rejoin_is_left_out(connected_s: float | None) -> None:
    before = reading(0, clients=(client("a", 50_000), client("b", 0)))
    after = reading(30, clients=(client("a", 300, connected_s=connected_s), client("b", 400)))
    seen = observed(before, after)
    assert seen.frames == 400
    assert seen.gone == frozenset()


def test_a_field_that_a_client_lacks_is_not_reported() -> None:
    before = reading(0, clients=(client("a", 0), client("b", 0, tx_retries=None)))
    after = reading(30, clients=(client("a", 100), client("b", 100, tx_retries=None)))
    seen = observed(before, after)
    assert seen.frames == 200
    assert seen.retries is None
    assert seen.retry_ratio is None


def totals(frames: int, bytes: int, **fields: Any) -> Counters:
    numbers: dict[str, Any] = {"tx_retries": frames // 10, "tx_failed": frames // 100, "epoch": "boot-1"}
    return Counters(tx_frames=frames, tx_bytes=bytes, **(numbers | fields))


def test_the_devices_own_totals_come_before_the_sum_over_clients() -> None:
    before = reading(0, counters=totals(1000, 10**6, disconnects=3), clients=(client("a", 0),))
    after = reading(30, counters=totals(4000, 4 * 10**6, disconnects=5), clients=(client("a", 1),))
    seen = observed(before, after)
    assert (seen.frames, seen.disconnects) == (3000, 2)


def test_a_32_bit_counter_that_wrapped_goes_on() -> None:
    before = reading(0, counters=totals(1000, 2**32 - 1000, width_bits=32))
    after = reading(30, counters=totals(3000, 999_000, width_bits=32))
    seen = observed(before, after)
    assert (seen.frames, seen.bytes) == (2000, 1_000_000)
    assert not seen.flaws


def test_a_64_bit_counter_never_wraps() -> None:
    before = reading(0, counters=totals(1000, 2**32 - 1000, width_bits=64))
    after = reading(30, counters=totals(3000, 999_000, width_bits=64))
    seen = observed(before, after)
    assert seen.frames is None
    assert seen.flaws == {Flaw.RESET}


def test_a_reset_32_bit_counter_is_no_wrap() -> None:
    before = reading(0, counters=totals(500_000, 10**9, width_bits=32))
    after = reading(30, counters=totals(20, 9_000, width_bits=32))
    seen = observed(before, after)
    assert seen.frames is None
    assert seen.bytes is None
    assert seen.flaws == {Flaw.RESET}


def test_a_new_epoch_is_a_reset_even_if_the_counters_rose() -> None:
    before = reading(0, counters=totals(100, 10**5))
    after = reading(30, counters=totals(5000, 10**6, epoch="boot-2"))
    seen = observed(before, after)
    assert seen.frames is None
    assert seen.flaws == {Flaw.RESET}


def test_more_frames_than_a_radio_can_send_are_refused() -> None:
    seen = observed(reading(0, counters=totals(100, 10)), reading(30, counters=totals(14 * 10**18, 10**6)))
    assert seen.frames is None
    assert seen.flaws == {Flaw.IMPLAUSIBLE}


def test_air_time_is_of_the_channel_in_use() -> None:
    before = reading(0, survey=survey(100_000, 50_000, 20_000, 10_000))
    after = reading(30, survey=survey(110_000, 57_000, 23_000, 12_000))
    seen = observed(before, after)
    assert (seen.busy_ratio, seen.rx_ratio, seen.tx_ratio) == (0.7, 0.3, 0.2)
    assert seen.non_wifi_ratio == pytest.approx(0.2)
    assert seen.tx_airtime_ms == 2000
    assert seen.noise_dbm == -95.0


def test_a_garbage_survey_field_is_refused_and_the_rest_kept() -> None:
    before = reading(0, survey=survey(0, 0, 0, 0))
    after = reading(30, survey=survey(10_000, 7_000, 14 * 10**18, 2_000))
    seen = observed(before, after)
    assert (seen.busy_ratio, seen.rx_ratio, seen.tx_ratio) == (0.7, None, 0.2)
    assert seen.non_wifi_ratio is None
    assert seen.flaws == {Flaw.SURVEY_GARBAGE}


def test_busier_than_always_is_impossible_beyond_reading_skew() -> None:
    before = reading(0, survey=survey(0, 0, 0, 0))
    skewed = observed(before, reading(30, survey=survey(10_000, 10_050, 0, 0)))
    assert skewed.busy_ratio == 1.0
    wrong = observed(before, reading(30, survey=survey(10_000, 12_000, 0, 0)))
    assert wrong.busy_ratio is None
    assert wrong.flaws == {Flaw.SURVEY_GARBAGE}


def test_parts_that_exceed_the_whole_give_no_non_wifi_share() -> None:
    before = reading(0, survey=survey(0, 0, 0, 0))
    seen = observed(before, reading(30, survey=survey(10_000, 5_000, 4_000, 3_000)))
    assert seen.non_wifi_ratio is None


def test_air_time_that_ran_backwards_is_discarded() -> None:
    before = reading(0, survey=survey(100_000, 50_000, 0, 0))
    seen = observed(before, reading(30, survey=survey(500, 100, 0, 0)))
    assert seen.busy_ratio is None
    assert seen.flaws == {Flaw.SURVEY_RESET}


def test_after_a_channel_change_clients_count_and_surveys_do_not() -> None:
    before = reading(0, channel=Reported(36, "t"), clients=(client("a", 0),), survey=survey(0, 0, 0, 0))
    air = survey(90_000, 9_000, 0, 0, mhz=5745)
    after = reading(30, channel=Reported(149, "t"), clients=(client("a", 700),), survey=air)
    seen = observed(before, after)
    assert seen.frames == 700
    assert seen.busy_ratio is None
    assert seen.flaws == {Flaw.RETUNED}
    assert seen.channel == 149


def test_the_age_of_the_counters_is_taken_off() -> None:
    before = reading(10, clients=(client("a", 0),), fresh_s=10.0)
    seen = observed(before, reading(40, clients=(client("a", 1),), fresh_s=5.0))
    assert (seen.at_s, seen.span_s) == (35, 35)


# History.


def test_a_table_that_refreshes_late_counts_once_over_its_whole_time() -> None:
    history = History()
    stale = (client("a", 1000),)
    assert history.add(reading(0, clients=stale)) is None
    for at_s in (30, 60, 90):
        noisy = (replace(stale[0], signal_dbm=-50.0 - at_s, connected_s=1000.0 + at_s),)
        assert history.add(reading(at_s, clients=noisy)) is None
    seen = history.add(reading(120, clients=(client("a", 4000),)))
    assert seen is not None
    assert (seen.frames, seen.span_s) == (3000, 120)
    assert history.observations == (seen,)


def test_a_reading_without_a_table_does_not_lose_the_next_ones_span() -> None:
    history = History()
    history.add(reading(0, clients=(client("a", 0),), survey=survey(0, 0, 0, 0)))
    air_only = history.add(reading(30, survey=survey(30_000, 3_000, 0, 0)))
    assert air_only is not None
    assert air_only.frames is None
    both = history.add(reading(60, clients=(client("a", 600),), survey=survey(60_000, 6_000, 0, 0)))
    assert both is not None
    assert both.frames == 600


def test_off_air_seen_by_a_status_poll_marks_the_observation() -> None:
    history = History()
    history.add(reading(0, clients=(client("a", 0),)))
    assert history.add(reading(10, state=RadioState.CAC)) is None
    seen = history.add(reading(30, clients=(client("a", 500),)))
    assert seen is not None
    assert not seen.on_air
    later = history.add(reading(60, clients=(client("a", 900),)))
    assert later is not None
    assert later.on_air


def test_a_radio_that_goes_off_with_still_counters_is_observed() -> None:
    history = History()
    history.add(reading(0, clients=()))
    seen = history.add(reading(30, state=RadioState.OFF, clients=()))
    assert seen is not None
    assert not seen.on_air


def test_history_is_bounded() -> None:
    history = History(keep_s=300)
    for at in range(40):
        history.add(reading(30.0 * at, clients=(client("a", 100 * at),)))
    kept = history.observations
    assert kept[0].at_s >= kept[-1].at_s - 300
    assert len(kept) == 11
    assert history.last is kept[-1]
    assert all(seen.client_count == 1 for seen in kept)
    assert history.newest(2) == kept[-2:]
    assert history.newest(0) == ()


def test_a_reading_out_of_order_is_ignored() -> None:
    history = History()
    history.add(reading(60, clients=(client("a", 100),)))
    assert history.add(reading(30, clients=(client("a", 50),))) is None
    assert history.add(reading(90, clients=(client("a", 400),))) is not None


# Slots.


def seen(at_s: float, span_s: float = 30.0, **fields: Any) -> Observation:
    numbers: dict[str, Any] = {"frames": 500, "retries": 50, "failed": 5, "client_count": 8}
    return Observation(key=KEY, at_s=at_s, span_s=span_s, **(numbers | fields))


@pytest.mark.parametrize(("poll_s", "count"), [(3.0, 20), (29.5, 2), (30.0, 2), (60.0, 1), (180.0, 1)])
def test_a_slot_is_a_minute_or_the_refresh_interval(poll_s: float, count: int) -> None:
    polls = [seen(poll_s * (at + 1), poll_s) for at in range(3 * count)]
    slots = fold(polls, POLICY)
    assert len(slots) in (3, 3 * count * poll_s // 54)
    assert all(slot.end_s - slot.start_s >= 54 for slot in slots)
    assert slots[0].frames == pytest.approx(500 * count, rel=0.11)


def test_the_declared_refresh_interval_makes_longer_slots() -> None:
    slots = fold([seen(30.0 * (at + 1)) for at in range(12)], POLICY, refresh_s=180.0)
    assert [(slot.start_s, slot.end_s) for slot in slots] == [(0, 180), (180, 360)]


def test_slot_ratios_are_those_of_the_sums() -> None:
    parts = [seen(30, frames=1000, retries=0, failed=0), seen(60, frames=100, retries=100, failed=22)]
    (slot,) = fold(parts, POLICY)
    assert slot.retry_ratio == pytest.approx(100 / 1200)
    assert slot.per == pytest.approx(22 / 1100)
    assert slot.clients == 8


def test_bytes_per_airtime_uses_observations_that_report_both() -> None:
    parts = [seen(30, bytes=6_000_000, tx_airtime_ms=2000), seen(60, bytes=999_999, tx_airtime_ms=None)]
    assert fold(parts, POLICY)[0].bytes_per_airtime == 3000


def test_bytes_per_airtime_of_an_idle_radio_would_be_those_of_its_beacons() -> None:
    idle = [seen(30, bytes=60_000, tx_airtime_ms=1490), seen(60, bytes=60_000, tx_airtime_ms=1490)]
    assert fold(idle, POLICY)[0].bytes_per_airtime is None
    little = [seen(30, bytes=60_000, tx_airtime_ms=1510), seen(60, bytes=60_000, tx_airtime_ms=1510)]
    assert fold(little, POLICY)[0].bytes_per_airtime == pytest.approx(120_000 / 3020)


def test_air_time_of_a_slot_is_weighted_by_time() -> None:
    parts = [seen(10, 10.0, busy_ratio=1.0), seen(70, 60.0, busy_ratio=0.3)]
    assert fold(parts, POLICY)[0].busy_ratio == pytest.approx((10 + 18) / 70)


def test_a_slot_with_too_few_frames_is_not_valid() -> None:
    assert fold([seen(30, frames=100), seen(60, frames=100)], POLICY)[0].valid
    assert not fold([seen(30, frames=100), seen(60, frames=99)], POLICY)[0].valid
    assert not fold([seen(60, 60.0, frames=None)], POLICY)[0].valid


@pytest.mark.parametrize("fields", [{"state": RadioState.CAC}, {"flaws": frozenset({Flaw.OFF_AIR})}])
def test_a_slot_that_was_not_on_air_all_the_time_is_not_valid(fields: dict[str, Any]) -> None:
    assert not fold([seen(30, **fields), seen(60)], POLICY)[0].valid


def test_an_incomplete_last_slot_is_left_out() -> None:
    assert len(fold([seen(30), seen(60), seen(90)], POLICY)) == 1


def test_disconnections_are_distinct_and_roams_are_none() -> None:
    parts = [
        seen(30, gone=frozenset({"flaps", "roams"})),
        seen(60, gone=frozenset({"flaps", "leaves"})),
    ]
    (slot,) = fold(parts, POLICY, elsewhere=frozenset({"roams"}))
    assert slot.disconnects_per_minute == 2.0


def test_the_devices_own_count_of_disconnections_where_it_lists_no_clients() -> None:
    assert fold([seen(30, disconnects=3), seen(60, disconnects=4)], POLICY)[0].disconnects_per_minute == 7.0
    assert fold([seen(60, 60.0)], POLICY)[0].disconnects_per_minute is None


def test_slots_take_only_observations_wholly_between_two_times() -> None:
    history = History()
    for at in range(10):
        history.append(seen(30.0 * (at + 1)))
    slots = history.slots(POLICY, since_s=45.0, until_s=200.0)
    assert [(slot.start_s, slot.end_s) for slot in slots] == [(60, 120), (120, 180)]


# Whatever a device says, nothing absurd comes out.

number = st.none() | st.integers(0, 2**64)
clients = st.lists(
    st.builds(
        ClientReading,
        mac=st.sampled_from("abcd"),
        tx_frames=number,
        tx_retries=number,
        tx_failed=number,
        tx_bytes=number,
        connected_s=st.none() | st.floats(0, 1e6),
    ),
    max_size=4,
    unique_by=lambda one: one.mac,
).map(tuple)
surveys = st.builds(
    lambda active, busy, rx, tx: (
        SurveyReading(frequency_mhz=2412, in_use=True, active_ms=active, busy_ms=busy, rx_ms=rx, tx_ms=tx),
    ),
    number,
    number,
    number,
    number,
)
counters = st.builds(
    Counters,
    tx_frames=number,
    tx_retries=number,
    tx_failed=number,
    tx_bytes=number,
    disconnects=number,
    width_bits=st.sampled_from([32, 64]),
    epoch=st.sampled_from(["", "x"]),
)
readings = st.builds(
    reading,
    at_s=st.floats(0, 1e6),
    state=st.sampled_from(RadioState),
    clients=st.none() | clients,
    survey=st.none() | surveys,
    counters=st.none() | counters,
)


@given(st.lists(readings, max_size=8))
def test_any_readings_give_shares_between_0_and_1(many: list[RadioReading]) -> None:
    history = History()
    for each in many:
        got = history.add(each)
        if got is None:
            continue
        shares = (got.retry_ratio, got.per, got.busy_ratio, got.rx_ratio, got.tx_ratio, got.non_wifi_ratio)
        assert all(share is None or 0 <= share <= 1 for share in shares)
        assert got.span_s > 0
        assert got.frames is None or 0 <= got.frames <= 4 * 200_000 * got.span_s
    history.slots(POLICY)


def gauges(busy: float = 0.4, **ratios: float) -> Gauges:
    return Gauges(busy_ratio=busy, **ratios)


def test_what_the_device_works_out_itself_counts_where_it_has_no_counters() -> None:
    told = gauges(0.8, rx_ratio=0.1, tx_ratio=0.2, noise_dbm=-91.0, retry_ratio=0.3, per=0.01)
    seen = observed(reading(0, gauges=gauges()), reading(60, gauges=told, client_count=7))
    assert (seen.busy_ratio, seen.rx_ratio, seen.tx_ratio, seen.noise_dbm) == (0.8, 0.1, 0.2, -91.0)
    assert (seen.retry_ratio, seen.per, seen.client_count) == (0.3, 0.01, 7)
    assert seen.non_wifi_ratio == pytest.approx(0.5)
    assert seen.tx_airtime_ms == 12_000
    assert replace(seen, told=replace(told, non_wifi_ratio=0.05)).non_wifi_ratio == 0.05


def test_counters_go_before_gauges() -> None:
    before = reading(0, survey=survey(0, 0, 0, 0), clients=(client("a", 0),), gauges=gauges())
    told = gauges(0.9, rx_ratio=0.9, tx_ratio=0.9, noise_dbm=-60.0, retry_ratio=0.9, per=0.9)
    here = (client("a", 900),)
    seen = observed(before, reading(60, survey=survey(60_000, 6_000, 600, 60), clients=here, gauges=told))
    assert (seen.busy_ratio, seen.rx_ratio, seen.tx_ratio, seen.noise_dbm) == (0.1, 0.01, 0.001, -95.0)
    assert seen.retry_ratio == pytest.approx(0.1, abs=0.02)
    assert seen.per == pytest.approx(0.01, abs=0.001)


def test_gauges_that_stand_still_are_no_new_sample() -> None:
    """A controller that renews them every three minutes: two polls of three bring nothing."""
    history = History()
    kept = [history.add(reading(60.0 * n, gauges=gauges(0.1 * (n // 3)))) for n in range(7)]
    assert [each is not None for each in kept] == [False, False, False, True, False, False, True]
    assert [seen.span_s for seen in history.observations] == [180.0, 180.0]


def test_a_slot_of_gauges_alone_is_their_mean_by_time() -> None:
    history = History()
    for at_s, retry in ((0.0, 0.0), (40.0, 0.1), (60.0, 0.4)):
        history.add(reading(at_s, gauges=gauges(retry_ratio=retry)))
    (slot,) = history.slots(POLICY)
    assert slot.retry_ratio == pytest.approx((0.1 * 40 + 0.4 * 20) / 60)
    assert not slot.valid, "nobody counted the frames"
