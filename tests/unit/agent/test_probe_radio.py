"""One radio as a probe tells of it: each value with its source and age, and null for what is not reported."""

from __future__ import annotations

import json
from dataclasses import fields, replace

from agent.observation import observe
from agent.probe_radio import NAMES, radio_row
from drivers.types import (
    Absence,
    BssReading,
    ClientReading,
    ConfigState,
    Counters,
    Gauges,
    RadioInfo,
    RadioReading,
    RadioState,
    Reported,
    ScopeRef,
    Setting,
    SurveyReading,
)
from inventory.model import Band, RadioKey

KEY = RadioKey("s/a/r5")
INFO = RadioInfo(key=KEY, name="1", band=Band.GHZ_5)
BARE = RadioReading(key=KEY, at_s=10.0, state=RadioState.ON_AIR, band=Band.GHZ_5)
USED = SurveyReading(
    frequency_mhz=5180, in_use=True, noise_dbm=-94.0, active_ms=1000, busy_ms=100, rx_ms=50, tx_ms=20
)
FULL = replace(
    BARE,
    channel=Reported(36, "1.3.6.1.4", 12.0),
    tx_power_dbm=Reported(14.5, "iw"),
    clients=(ClientReading(mac="02:00:00:00:00:01"),),
    bss=(BssReading(bssid="02:00:00:00:00:aa", ssid="lab"),),
    counters=Counters(tx_frames=7),
    survey=(USED, SurveyReading(frequency_mhz=5200, noise_dbm=-80.0)),
    gauges=Gauges(busy_ratio=0.256789, retry_ratio=0.1),
    allowed_mhz=frozenset({5200, 5180}),
    power_choices_dbm=(17, 14),
    managed_by="ACS",
    fresh_s=3.0,
)


def test_each_value_has_its_source_and_its_age() -> None:
    row = radio_row(INFO, FULL)
    assert (row["channel"], row["fields"]["channel"]) == (36, {"source": "1.3.6.1.4", "age_s": 12.0})
    assert (row["busy_ratio"], row["fields"]["busy_ratio"]) == (0.2568, {"source": "gauges", "age_s": 3.0})
    assert (row["noise_dbm"], row["fields"]["noise_dbm"]["source"]) == (-94.0, "survey")
    assert (row["clients"], row["allowed_mhz"], row["managed_by"]) == (1, [5180, 5200], "ACS")
    assert (row["power_choices_dbm"], row["surveys"], row["counters"]["tx_frames"]) == ([17, 14], 2, 7)
    assert row["fields"].keys() == {name for name in NAMES if row[name] is not None}
    assert json.loads(json.dumps(row)) == row


def test_clients_are_counted_and_never_named() -> None:
    assert "02:00:00:00:00:01" not in json.dumps(radio_row(INFO, FULL))
    assert radio_row(INFO, replace(BARE, client_count=4))["clients"] == 4


def test_what_is_not_reported_is_null_and_has_no_source() -> None:
    row = radio_row(INFO, BARE)
    assert {name for name in NAMES if row[name] is not None} == {"state", "uplink"} == row["fields"].keys()


def test_the_devices_own_noise_comes_before_the_surveys() -> None:
    row = radio_row(INFO, replace(FULL, gauges=Gauges(noise_dbm=-91.0)))
    assert (row["noise_dbm"], row["fields"]["noise_dbm"]["source"]) == (-91.0, "gauges")


def test_shares_are_counted_between_two_readings() -> None:
    plain = replace(FULL, gauges=None)
    used = replace(USED, active_ms=2000, busy_ms=600, rx_ms=150, tx_ms=120)
    later = replace(plain, at_s=11.0, survey=(used,), counters=Counters(tx_frames=9))
    row = radio_row(INFO, later, observe(plain, later))
    assert (row["busy_ratio"], row["fields"]["busy_ratio"]["source"]) == (0.5, "counted over 1 s")
    assert (row["rx_ratio"], row["tx_ratio"], row["non_wifi_ratio"]) == (0.1, 0.1, 0.3)
    assert radio_row(INFO, plain)["busy_ratio"] is None


def test_a_radio_without_a_reading_says_why() -> None:
    row = radio_row(INFO, Absence.GARBAGE)
    assert (row["missing"], row["reading"], row["channel"], row["fields"]) == ("garbage", None, None, {})


def test_what_can_be_set_is_told_as_configured_and_as_in_force() -> None:
    state = ConfigState(
        scope=ScopeRef(kind="radio", name="1", members=(KEY,)),
        configured={Setting.CHANNEL: 40},
        in_force={Setting.CHANNEL: 36},
    )
    row = radio_row(INFO, FULL, None, state)
    assert (row["configured"], row["in_force"]) == ({"channel": 40}, {"channel": 36})


def test_every_field_of_a_reading_is_told() -> None:
    """A field that is added to the contract is added here."""
    told = {*NAMES, "key", "band", "fresh_s", *("at_s", "gauges", "client_count")}
    assert {each.name for each in fields(RadioReading)} - told == set()
