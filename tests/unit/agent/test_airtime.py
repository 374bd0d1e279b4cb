"""Air time of each channel from two surveys: what happened in between, never the totals since boot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.airtime import airs_of
from agent.radio_memory import RadioMemory
from agent.view import Aired
from drivers.types import RadioReading, RadioState, SurveyReading
from inventory.model import Band, RadioKey


def survey(mhz: int, active: int, busy: int, rx: int = 0, tx: int = 0, noise: float = -95.0) -> SurveyReading:
    return SurveyReading(
        frequency_mhz=mhz, active_ms=active, busy_ms=busy, rx_ms=rx, tx_ms=tx, noise_dbm=noise
    )


def seen(at_s: float, *entries: SurveyReading, fresh_s: float = 0.0) -> RadioReading:
    return RadioReading(
        key=RadioKey("lab/ap1/r5"),
        at_s=at_s,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        survey=entries,
        fresh_s=fresh_s,
    )


def test_a_busy_past_does_not_count() -> None:
    """Busy for a day, and quiet in the last ten seconds."""
    before = survey(5180, 86_400_000, 86_000_000, 80_000_000)
    after = survey(5180, 86_410_000, 86_001_000, 80_000_500, 300, noise=-93.0)
    air = airs_of([before], [after], 2.0)[5180]
    assert (air.busy, air.rx, air.tx, air.noise_dbm) == (0.1, 0.05, 0.03, -93.0)
    assert (air.listened_ms, air.age_s) == (10_000, 2.0)
    assert air.non_wifi == pytest.approx(0.02)


@pytest.mark.parametrize(
    "after",
    [survey(5180, 1000, 500), survey(5180, 10, 5), survey(5200, 2000, 500)],
    ids=["not listened to since", "started again at 0", "another channel"],
)
def test_a_channel_that_brings_nothing_new_is_left_out(after: SurveyReading) -> None:
    assert airs_of([survey(5180, 1000, 500)], [after]) == {}


def test_what_a_device_does_not_report_stays_unknown() -> None:
    bare = replace(survey(5180, 0, 0), rx_ms=None, tx_ms=None, noise_dbm=None)
    air = airs_of([bare], [replace(bare, active_ms=100, busy_ms=50)])[5180]
    assert (air.busy, air.rx, air.tx, air.noise_dbm, air.non_wifi) == (0.5, None, None, None, None)


def test_a_channel_stays_known_after_a_scan_and_grows_old() -> None:
    memory = RadioMemory(device="ap1")
    memory.see(seen(0.0, survey(5180, 0, 0), survey(5745, 0, 0)))
    memory.see(seen(30.0, survey(5180, 30_000, 3_000), survey(5745, 100, 90)))
    memory.see(seen(60.0, survey(5180, 60_000, 18_000), survey(5745, 100, 90), fresh_s=5.0))
    air = Aired(memory.air, 70.0)
    assert (air[5180].busy, air[5180].age_s) == (0.5, 15.0)
    assert (air[5745].busy, air[5745].age_s) == (0.9, 40.0)
    assert set(air) == {5180, 5745}
    fresh = air.within(5180, 15.0)
    assert fresh is not None
    assert fresh.busy == 0.5
    assert air.within(5745, 39.0) is None


def test_a_reading_without_a_survey_changes_nothing() -> None:
    memory = RadioMemory(device="ap1")
    memory.see(seen(0.0, survey(5180, 0, 0)))
    memory.see(replace(seen(15.0), survey=None))
    memory.see(seen(30.0, survey(5180, 30_000, 3_000)))
    assert Aired(memory.air, 30.0)[5180].busy == 0.1


def test_a_restarted_radio_is_measured_from_its_new_zero() -> None:
    memory = RadioMemory(device="ap1")
    memory.see(seen(0.0, survey(5180, 50_000, 40_000)))
    memory.see(seen(30.0, survey(5180, 1_000, 900)))
    assert not memory.air
    memory.see(seen(60.0, survey(5180, 31_000, 3_900)))
    assert Aired(memory.air, 60.0)[5180].busy == 0.1
