"""One radio as numbers: what is not reported has no sample."""

from __future__ import annotations

from agent.metrics.families import FAMILIES
from agent.metrics.radios import radio_samples
from agent.observation import Observation
from drivers.types import ClientReading, RadioReading, RadioState, Reported
from inventory.model import Band, RadioKey

KEY = RadioKey("lab/ap1/r5")
LABELS = ("lab", "ap1", "r5")
BARE = RadioReading(key=KEY, at_s=100.0, state=RadioState.CAC, band=Band.GHZ_5)


def samples(reading: RadioReading | None, last: Observation | None = None) -> dict[str, float]:
    found = list(radio_samples(KEY, reading, last, 107.5))
    assert all(len(labels) == len(FAMILIES[name].labels) for name, labels, _ in found)
    return {name.removeprefix("rrmd_radio_"): value for name, labels, value in found if labels == LABELS}


def state(reading: RadioReading | None) -> list[tuple[str, ...]]:
    return [
        labels for name, labels, _ in radio_samples(KEY, reading, None, 0.0) if name == "rrmd_radio_state"
    ]


def test_a_lost_radio_is_unknown_and_has_no_number() -> None:
    last = Observation(key=KEY, at_s=90.0, span_s=10.0, busy_ratio=0.5)
    assert state(None) == [(*LABELS, "unknown")]
    assert samples(None, last) == {}


def test_what_is_not_reported_has_no_sample() -> None:
    assert state(BARE) == [(*LABELS, "cac")]
    assert samples(BARE) == {"reading_age_seconds": 7.5}


def test_what_is_reported() -> None:
    reading = RadioReading(
        key=KEY,
        at_s=100.0,
        state=RadioState.ON_AIR,
        band=Band.GHZ_5,
        channel=Reported(52, "status", 0.0),
        width_mhz=Reported(40, "status", 0.0),
        tx_power_dbm=Reported(17.5, "status", 0.0),
        clients=(ClientReading(mac="02:00:00:00:00:01"),),
    )
    last = Observation(
        key=KEY, at_s=90.0, span_s=10.0, busy_ratio=0.5, rx_ratio=0.1, tx_ratio=0.2, frames=90, retries=10
    )
    found = samples(reading, last)
    assert round(found.pop("non_wifi_ratio"), 6) == 0.2
    assert found == {
        "channel": 52,
        "width_mhz": 40,
        "tx_power_dbm": 17.5,
        "clients": 1,
        "busy_ratio": 0.5,
        "retry_ratio": 0.1,
        "reading_age_seconds": 7.5,
    }
