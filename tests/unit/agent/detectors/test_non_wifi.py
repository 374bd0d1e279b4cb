"""NON_WIFI_BURST: air that nobody can decode, harm, what the device says, and what spoils a survey."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sights import ABLE, ME, NOW_S, heard_as, history, over, reading, sight_of, there, times, view_of

from agent.counters import Flaw
from agent.detectors.non_wifi import non_wifi
from agent.detectors.sight import Sight
from drivers.signals import InterferenceHeard
from drivers.types import RadioState, Reported, Table

BURST: dict[str, Any] = {"busy_ratio": 0.95, "rx_ratio": 0.05, "tx_ratio": 0.1}  # duty 0.8
LOW: dict[str, Any] = {"busy_ratio": 0.65, "rx_ratio": 0.15, "tx_ratio": 0.15}  # duty 0.35
KEY = frozenset({ME})


def found(newest: list[dict[str, Any]], **view: Any) -> Sight:
    return sight_of(history(newest=newest), view_of(**view))


def test_three_fresh_samples() -> None:
    finding = there(non_wifi(found(times(3, **BURST)), ()))
    assert (finding.key, finding.radio, finding.severity) == (ME, ME, "major")
    assert finding.confidence_ppm == 900_000
    assert finding.evidence["duty_ppm"] == 800_000
    assert finding.evidence["busy_ppm"] == 950_000
    assert finding.evidence["untrusted"] == 0
    assert non_wifi(found(times(2, **BURST)), ()) == ()


def test_a_low_duty_needs_harm() -> None:
    assert non_wifi(found(times(3, **LOW)), ()) == ()
    assert there(non_wifi(found(times(3, **LOW, retries=500)), ())).evidence["retry_ppm"] == 142_857
    assert there(non_wifi(found(times(3, **LOW, failed=60)), ()))
    assert non_wifi(found(times(3, **LOW, retries=360)), ()) == ()  # 1.2 x


def test_harm_needs_a_baseline_without_the_trouble() -> None:
    short = sight_of(history(count=8, newest=times(3, **LOW, retries=900)))
    assert non_wifi(short, ()) == ()
    always = sight_of(history(newest=times(70, **LOW, retries=900)))
    assert non_wifi(always, ()) == ()


def test_harm_within_the_noise_of_a_good_radio_is_none() -> None:
    good = [replace(each, retries=15) for each in history()]
    assert non_wifi(sight_of([*good[:-3], *(replace(o, **LOW, retries=45) for o in good[-3:])]), ()) == ()


@pytest.mark.parametrize(
    "view",
    [
        {"capabilities": replace(ABLE, rx_time_trusted=False)},
        {"capabilities": None},
        {"readings": {ME: reading(center_mhz=None, width_mhz=None)}},
    ],
)
def test_confidence_where_rx_time_is_not_trusted(view: dict[str, Any]) -> None:
    finding = there(non_wifi(found(times(3, **BURST), **view), ()))
    assert finding.confidence_ppm == 600_000
    assert finding.evidence["untrusted"] == 1


@pytest.mark.parametrize(
    ("heard", "trusted"),
    [
        (heard_as("0a:00:00:00:00:01", channel=36), True),  # decoded, so counted as rx
        (heard_as("0a:00:00:00:00:01", channel=40, width_mhz=40, center_mhz=5190), True),  # covers ours
        (heard_as("0a:00:00:00:00:01", channel=44), True),
    ],
)
def test_a_bss_that_can_be_decoded_or_is_elsewhere_spoils_nothing(heard: Any, trusted: bool) -> None:
    finding = there(non_wifi(found(times(3, **BURST), heard={ME: [heard]}), ()))
    assert (finding.confidence_ppm == 900_000) is trusted


@pytest.mark.parametrize(
    ("signal_dbm", "age_s", "ppm"), [(-70, 10, 600_000), (-90, 10, 900_000), (-70, 901, 900_000)]
)
def test_a_loud_bss_that_overlaps_without_our_primary_can_not_be_told_from_noise(
    signal_dbm: float, age_s: float, ppm: int
) -> None:
    mine = reading(width_mhz=Reported(40, "t"), center_mhz=Reported(5190, "t"))
    loud = heard_as("0a:00:00:00:00:01", channel=40, signal_dbm=signal_dbm, age_s=age_s)
    finding = there(non_wifi(found(times(3, **BURST), readings={ME: mine}, heard={ME: [loud]}), ()))
    assert finding.confidence_ppm == ppm


def word(**given: Any) -> InterferenceHeard:
    values: dict[str, Any] = {"at_s": NOW_S - 5.0, "device": "ap1", "radio": ME, "duty_ratio": 0.8}
    return InterferenceHeard(**{**values, **given})


def test_what_the_device_says_itself() -> None:
    finding = there(non_wifi(sight_of(history(), signals=[word()]), ()))
    assert (finding.confidence_ppm, finding.evidence["duty_ppm"]) == (950_000, 800_000)
    for weak in (word(authenticated=False), word(duty_ratio=0.5), word(duty_ratio=None), word(over=True)):
        assert non_wifi(sight_of(history(), signals=[weak]), ()) == ()
    assert non_wifi(sight_of(history(), signals=[word(), word(over=True)]), ()) == ()


def test_what_it_said_before_a_move_is_of_no_concern_here() -> None:
    moved = [replace(each, channel=44) for each in history()[:-1]] + [history()[-1]]
    assert non_wifi(sight_of(moved, signals=[word(at_s=NOW_S - 600)]), ()) == ()


def test_a_quiet_survey_since_contradicts_it() -> None:
    assert non_wifi(sight_of(history(), signals=[word(at_s=NOW_S - 200)]), ()) == ()
    assert over(non_wifi(sight_of(history(), signals=[word(at_s=NOW_S - 200)]), KEY))


def test_it_clears_lower_than_it_is_raised_and_only_after_three_samples() -> None:
    between = {"busy_ratio": 0.8, "rx_ratio": 0.15, "tx_ratio": 0.15}  # 0.5
    assert non_wifi(found(times(3, **between)), KEY) == ()
    assert over(non_wifi(found([*times(3, **BURST), *times(3)]), KEY)).evidence["duty_ppm"] == 0
    assert non_wifi(found([*times(3, **BURST), *times(2)]), KEY) == ()
    assert non_wifi(found(times(3)), ()) == ()


def test_what_was_raised_by_harm_stays_while_it_harms() -> None:
    assert non_wifi(found(times(3, **{**LOW, "busy_ratio": 0.58}, retries=500)), KEY) == ()
    assert over(non_wifi(found(times(3, **{**LOW, "busy_ratio": 0.58}, retries=300)), KEY))
    assert over(non_wifi(found(times(3, retries=500)), KEY))  # harm, but nothing to blame


def test_the_devices_word_ends_it_where_there_is_no_survey() -> None:
    blind = history(newest=times(70, busy_ratio=None))
    assert over(non_wifi(sight_of(blind, signals=[word(over=True)]), KEY))
    assert non_wifi(sight_of(blind), KEY) == ()


SPOILT: dict[str, list[dict[str, Any]]] = {
    "not reported": times(3, **{**BURST, "rx_ratio": None}),
    "survey reset": [BURST, {**BURST, "flaws": frozenset({Flaw.SURVEY_RESET})}, BURST],
    "garbage survey": [BURST, {**BURST, "flaws": frozenset({Flaw.SURVEY_GARBAGE})}, BURST],
    "retuned": [BURST, {**BURST, "flaws": frozenset({Flaw.RETUNED})}, BURST],
    "off air within": [BURST, {**BURST, "flaws": frozenset({Flaw.OFF_AIR})}, BURST],
    "in CAC": [BURST, {**BURST, "state": RadioState.CAC}, BURST],
    "on another channel before": [{**BURST, "channel": 44}, BURST, BURST],
    "wider before": [{**BURST, "width_mhz": 40}, BURST, BURST],
    "one sample over a long time": [{**BURST, "span_s": 200.0}, BURST, BURST],
    "a gap": [{**BURST, "at_s": NOW_S - 200.0}, BURST, BURST],
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_sample_is_none(name: str) -> None:
    assert non_wifi(found(SPOILT[name]), ()) == ()


def test_a_broken_rule_would_be_seen() -> None:
    """The spoilt ones fail for what spoils them alone."""
    assert there(non_wifi(found([BURST, BURST, BURST]), ()))


def test_a_sample_that_the_device_did_not_renew_is_passed_over() -> None:
    stale = {"busy_ratio": None, "rx_ratio": None, "tx_ratio": None}
    assert there(non_wifi(found([BURST, stale, BURST, stale, BURST]), ()))
    assert non_wifi(found([BURST, stale, stale, stale, BURST]), ()) == ()


def test_old_data_is_no_data() -> None:
    old = [replace(each, at_s=each.at_s - 200.0) for each in history(newest=times(3, **BURST))]
    assert non_wifi(sight_of(old), ()) == ()
    slow = replace(ABLE, refresh_s={Table.SURVEY: 120.0})
    assert there(non_wifi(sight_of(old, view_of(capabilities=slow)), ()))


@pytest.mark.parametrize(
    "mine",
    [
        None,
        reading(at_s=NOW_S - 181.0),
        reading(state=RadioState.OFF),
        reading(channel=44),
    ],
    ids=["lost", "not read lately", "off", "just moved"],
)
def test_a_radio_that_is_not_there_any_more(mine: Any) -> None:
    assert non_wifi(found(times(3, **BURST), readings={ME: mine}), ()) == ()
