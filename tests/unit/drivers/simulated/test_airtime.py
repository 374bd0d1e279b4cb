"""Air time, rates and retries: what signal, noise and others make of a radio's demand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.simulated.airtime import (
    BEACON_SHARE,
    LEAST_SHARE,
    MAX_SHARE,
    MOST_RETRIES,
    RETRY_BASE,
    Pressure,
    coupling,
    efficiency,
    listening,
    milliwatts,
    rates,
    retry_ratio,
    stuck,
)
from drivers.simulated.traffic import Rates
from inventory.channels import block
from inventory.model import Band

GOOD = (-45, 20)
FREE = Pressure()
LEVELS = st.integers(-90, -30)
SHARES = st.floats(0, 1)


def hidden(share: float, dbm: float) -> Pressure:
    """Something that is not waited for, on air for this share of the time."""
    return Pressure(hidden=share, hidden_mw=share * milliwatts(dbm))


@given(LEVELS, st.integers(1, 20), SHARES, st.floats(-92, -60))
def test_more_signal_never_means_more_retries_nor_a_lower_rate(
    level: int, more: int, share: float, dbm: float
) -> None:
    pressure = hidden(share, dbm)
    assert retry_ratio((level + more, 20), pressure) <= retry_ratio((level, 20), pressure)
    assert efficiency((level + more, 20), pressure) >= efficiency((level, 20), pressure)


@given(LEVELS, SHARES, st.floats(-92, -60))
def test_what_is_not_waited_for_never_helps(level: int, share: float, dbm: float) -> None:
    reach = (level, 20)
    assert retry_ratio(reach, hidden(share, dbm)) >= retry_ratio(reach, FREE)
    assert efficiency(reach, hidden(share, dbm)) <= efficiency(reach, FREE)


def test_a_good_signal_in_free_air_has_the_usual_retries_and_the_best_rate() -> None:
    assert retry_ratio(GOOD, FREE) == pytest.approx(RETRY_BASE, rel=0.02)
    assert efficiency(GOOD, FREE) == 1.0


def test_a_signal_near_the_noise_has_many_retries_and_a_low_rate() -> None:
    assert retry_ratio((-87, 20), FREE) > 5 * RETRY_BASE
    assert efficiency((-87, 20), FREE) < 0.35


def test_a_loud_hidden_disturber_harms_more_than_a_quiet_one_and_the_distant_client_more() -> None:
    near, far = (-50, 20), (-72, 20)
    assert retry_ratio(near, hidden(0.5, -90)) < 1.2 * RETRY_BASE
    assert retry_ratio(far, hidden(0.5, -90)) > 1.5 * RETRY_BASE
    assert retry_ratio(far, hidden(0.5, -75)) > retry_ratio(far, hidden(0.5, -90)) + 0.3


def test_a_wider_channel_has_more_noise() -> None:
    assert efficiency((-75, 80), FREE) < efficiency((-75, 20), FREE)


@given(st.floats(0, 5), st.floats(0, 1e3))
def test_retries_have_a_most(share: float, luck: float) -> None:
    assert 0 <= retry_ratio((-90, 20), hidden(share, -40), luck) <= MOST_RETRIES


@given(st.lists(st.floats(0.1, 200.0), min_size=1, max_size=6), SHARES, SHARES)
def test_radios_that_wait_for_each_other_have_no_more_air_than_there_is(
    demands: list[float], foreign: float, noise: float
) -> None:
    def had(mbps: float, rivals: float) -> Rates:
        pressure = Pressure(sensed=1.0, foreign=foreign, noise=noise, rivals=rivals)
        return rates({GOOD: mbps}, 1.0, pressure, 1.0)

    claims = [min(1.0, had(mbps, 0.0).wanted) for mbps in demands]
    shares = [
        had(mbps, sum(claims) - claim).tx - BEACON_SHARE for mbps, claim in zip(demands, claims, strict=True)
    ]
    assert sum(shares) <= max(LEAST_SHARE, MAX_SHARE - foreign - noise) + 1e-9


def test_two_loaded_radios_keep_their_halves() -> None:
    """They do not take turns in starving each other, as when each looks at what the other has just used."""
    want = rates({GOOD: 1000.0}, 1.0, FREE, 1.0)
    pressure = Pressure(sensed=0.48, rivals=min(1.0, want.wanted))
    assert rates({GOOD: 1000.0}, 1.0, pressure, 1.0).tx == pytest.approx(MAX_SHARE / 2, abs=0.02)


def test_who_asks_for_little_gets_it_whatever_the_others_ask() -> None:
    pressure = Pressure(sensed=0.5, rivals=0.5)
    found = rates({GOOD: 2.0}, 1.0, pressure, 1.0)
    assert found.bytes == pytest.approx(2e6 / 8)


def test_a_weak_client_takes_more_air_for_the_same_demand() -> None:
    strong, weak = (rates({(level, 20): 2.0}, 1.0, FREE, 1.0) for level in (-45, -81))
    assert strong.bytes == weak.bytes
    assert weak.tx > 2 * strong.tx


def test_retries_are_told_by_reach_and_their_mean_is_by_frames() -> None:
    weak = (-84, 20)
    found = rates({GOOD: 3.0, weak: 1.0}, 1.0, FREE, 1.0)
    assert found.retries[weak] > found.retries[GOOD]
    assert found.retry_ratio == pytest.approx((3 * found.retries[GOOD] + found.retries[weak]) / 4)


def test_a_stuck_radio_sends_beacons_and_hears_the_others() -> None:
    found = stuck(Pressure(sensed=0.3, noise=0.1))
    assert (found.frames, found.bytes) == (0, 0)
    assert found.busy == pytest.approx(0.41)


def test_a_radio_that_only_listens_sends_nothing() -> None:
    found = listening(Pressure(sensed=0.3, noise=0.1))
    assert (found.tx, found.rx) == (0, 0.3)
    assert found.busy == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("rssi_dbm", "sense_dbm", "expected"),
    [
        (-60, -82, (1.0, 0.0)),
        (-83, -82, (0.0, 1.0)),
        (-93, -82, (0.0, 0.0)),
        (-75, -72, (0.0, 1.0)),  # a higher OBSS-PD level
        (-70, -72, (1.0, 0.0)),
    ],
)
def test_who_is_waited_for(rssi_dbm: float, sense_dbm: float, expected: tuple[float, float]) -> None:
    where = block(Band.GHZ_5, 36, 20)
    assert coupling(where, where, rssi_dbm, sense_dbm) == expected


def test_a_secondary_channel_counts_for_its_share() -> None:
    mine, theirs = block(Band.GHZ_5, 36, 80), block(Band.GHZ_5, 44, 20)
    assert coupling(mine, theirs, -60) == (0.25, 0.0)
    assert coupling(theirs, mine, -60) == (1.0, 0.0)
