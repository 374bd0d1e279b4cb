"""SPECTRUM_SAT: full air, how long, whose, and when it is over."""

from __future__ import annotations

from typing import Any

import pytest
from sights import ME, history, over, sight_of, site, there, times, view_of

from agent.counters import Flaw
from agent.detectors.saturation import saturation

FULL: dict[str, Any] = {"busy_ratio": 0.9, "rx_ratio": 0.5, "tx_ratio": 0.35}
KEY = frozenset({ME})


def test_busy_in_three_samples_and_a_minute() -> None:
    finding = there(saturation(sight_of(history(newest=times(3, **FULL))), ()))
    assert (finding.key, finding.severity, finding.confidence_ppm) == (ME, "major", 1_000_000)
    assert finding.evidence == {
        "busy_ppm": 900_000,
        "own_ppm": 350_000,
        "foreign_ppm": 500_000,
        "non_wifi_ppm": 50_000,
    }
    assert saturation(sight_of(history(newest=times(2, **FULL))), ()) == ()


def test_it_must_hold_for_a_minute() -> None:
    view = view_of(site(sat_hold_s=120.0))
    assert saturation(sight_of(history(newest=times(3, **FULL)), view), ()) == ()
    assert there(saturation(sight_of(history(newest=times(4, **FULL)), view), ()))


def test_what_is_mostly_not_wifi_is_another_event() -> None:
    burst = {"busy_ratio": 0.95, "rx_ratio": 0.1, "tx_ratio": 0.1}
    assert saturation(sight_of(history(newest=times(3, **burst))), KEY) == ()


def test_without_a_split_it_is_still_full() -> None:
    finding = there(saturation(sight_of(history(newest=times(3, busy_ratio=0.9, rx_ratio=None))), ()))
    assert finding.evidence == {"busy_ppm": 900_000, "own_ppm": 150_000}


def test_it_clears_lower_than_it_is_raised() -> None:
    assert saturation(sight_of(history(newest=times(3, busy_ratio=0.7))), KEY) == ()
    assert over(saturation(sight_of(history(newest=times(3, busy_ratio=0.6))), KEY))
    assert saturation(sight_of(history(newest=[{"busy_ratio": 0.7}, *times(2)])), KEY) == ()
    assert saturation(sight_of(history()), ()) == ()


@pytest.mark.parametrize("flaw", [Flaw.SURVEY_GARBAGE, Flaw.SURVEY_RESET, Flaw.OFF_AIR, Flaw.RETUNED])
def test_a_flaw_starts_anew(flaw: Flaw) -> None:
    spoilt = {**FULL, "flaws": frozenset({flaw})}
    assert saturation(sight_of(history(newest=[FULL, spoilt, FULL])), ()) == ()


def test_a_reset_of_the_frame_counters_spoils_no_survey() -> None:
    reset = {**FULL, "flaws": frozenset({Flaw.RESET}), "frames": None}
    assert there(saturation(sight_of(history(newest=[FULL, reset, FULL])), ()))
