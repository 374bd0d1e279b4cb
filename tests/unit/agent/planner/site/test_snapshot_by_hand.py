"""A snapshot written by hand: what may be left out, what it then means, and what is said of mistakes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from agent.change import Cause, State
from agent.planner.site.snapshot_error import SnapshotErrors
from agent.planner.site.snapshot_view import read, to_view
from agent.view import SiteView
from drivers.types import RadioState, Setting
from inventory.model import Band, RadioKey

ONE, TWO = RadioKey("hall/ap1/r5"), RadioKey("hall/ap2/r5")
HALL: dict[str, Any] = {
    "site": {"id": "hall", "country": "NO"},
    "aps": {
        "ap1": {
            "zone": "east",
            "radios": {
                "r5": {
                    "band": 5,
                    "widths_mhz": [20, 40],
                    "now": {"channel": 36, "width_mhz": 40},
                    "heard": [
                        {"radio": "ap2/r5", "signal_dbm": -55},
                        {"channel": 100, "signal_dbm": -70},
                    ],
                }
            },
        },
        "ap2": {"radios": {"r5": {"band": 5, "now": {"channel": 44, "width_mhz": 20}}}},
    },
}


def hall(**changed: Any) -> dict[str, Any]:
    """The snapshot with other keys of ap1's radio."""
    found = copy.deepcopy(HALL)
    found["aps"]["ap1"]["radios"]["r5"] |= changed
    return found


def seen() -> SiteView:
    return to_view(HALL)


def test_what_is_left_out_is_what_one_expects() -> None:
    view = seen()
    at = view.radios[ONE]
    assert (view.site.timezone, view.site.aps["ap1"].zone, view.site.aps["ap2"].zone) == ("UTC", "east", None)
    assert (at.device, at.on_air, str(at.block), at.radio.band) == ("ap1", True, "36/40", Band.GHZ_5)
    assert (at.scanned, at.scanned_age_s) == (True, 0.0)
    assert view.radios[TWO].scanned is False
    assert at.reading is not None
    assert at.reading.state is RadioState.ON_AIR
    assert at.capabilities is not None
    assert set(at.capabilities.settings) == set(Setting)
    assert at.capabilities.widths_mhz == (20, 40)
    assert at.spread == {}


def test_a_radio_of_the_site_is_known_by_its_name_and_a_stranger_is_nobody_of_it() -> None:
    view = seen()
    ours, strange = view.radios[ONE].neighbors
    assert view.bssids[ours.bssid] == TWO
    assert ours.channel == 44
    assert strange.bssid not in view.bssids
    assert len({ours.bssid, strange.bssid, *view.bssids}) == 3


def test_ages_count() -> None:
    old = {"channel": 36, "width_mhz": 40, "age_s": 300.0}
    air = [{"mhz": 5180, "busy": 0.5, "age_s": 1000.0}]
    heard = [{"channel": 100, "signal_dbm": -70, "age_s": 50.0}]
    view = to_view(hall(now=old, air=air, heard=heard, scanned_age_s=90_000))
    at = view.radios[ONE]
    assert at.reading is not None
    assert view.now.monotonic_s - at.reading.at_s == 300.0
    assert [each.age_s for each in at.neighbors] == [50.0]
    assert at.measured(5180, 900.0) is None
    assert at.measured(5180, 1100.0) is not None
    assert at.scanned is False


def test_a_change_has_its_time() -> None:
    change = {
        "id": "c1",
        "radios": ["ap1/r5"],
        "target": {"channel": 44},
        "cause": "OPERATOR",
        "state": "MONITORING",
        "created_utc": "2026-01-02T03:04:05Z",
        "left_s": 60.5,
    }
    view = to_view({**HALL, "made_utc": "2026-01-02T03:05:05Z", "changes": [change]})
    (made,) = view.changes
    assert (made.radios, made.cause, made.state) == ((ONE,), Cause.OPERATOR, State.MONITORING)
    assert view.now.utc_us - made.created_utc_us == 60_000_000
    assert made.deadline.left_s(view.now) == 60.5


def test_a_radio_that_is_not_of_the_snapshot_is_one_mistake() -> None:
    with pytest.raises(SnapshotErrors) as caught:
        to_view(hall(heard=[{"radio": "ap9/r5", "signal_dbm": -60}]))
    assert len(caught.value.errors) == 1


def test_a_device_has_the_width_that_it_is_on_be_it_on_no_list() -> None:
    """So it is the list that forbids the width, and not the device."""
    at = to_view(hall(widths_mhz=[80])).radios[ONE]
    assert at.capabilities is not None
    assert at.capabilities.widths_mhz == (40, 80)


def test_null_says_that_a_device_was_never_reached_and_that_nobody_scanned() -> None:
    at = to_view(hall(can=None, scanned_age_s=None)).radios[ONE]
    assert at.capabilities is None
    assert (at.scanned, at.scanned_age_s) == (False, None)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"chanels": [36]}, "chanels: expected a known key (did you mean channels?), got an unknown key"),
        ({"channels": [36, 37]}, "channels[1]: expected a 5 GHz channel legal in NO, got 37"),
        ({"band": 7}, "band: expected one of 2.4, 5, 6, got 7"),
        ({"now": {"channel": 999}}, "now.channel: expected at most 233, got 999"),
        ({"now": {"channel": 36.5}}, "now.channel: expected a whole number, got 36.5"),
        ({"now": {"channel": "36"}}, "now.channel: expected a whole number, got 36"),
        ({"now": {"uplink": "yes"}}, "now.uplink: expected true or false, got yes"),
        ({"now": []}, "now: expected an object, got a list"),
        ({"heard": {}}, "heard: expected a list, got an object"),
        ({"heard": [{"channel": 36}]}, "heard[0].signal_dbm: expected the key signal_dbm, got nothing"),
        ({"heard": [{"signal_dbm": -60}]}, "heard[0]: expected the key channel, got nothing"),
        (
            {"heard": [{"radio": "ap9/r5", "channel": 36, "signal_dbm": -60}]},
            "heard[0].radio: expected ap/radio of this snapshot, got ap9/r5",
        ),
        (
            {"heard": [{"radio": "ap2", "signal_dbm": -60}]},
            "heard[0].radio: expected ap/radio of this snapshot, got ap2",
        ),
        (
            {"heard": [{"radio": "", "signal_dbm": -60}]},
            "heard[0].radio: expected ap/radio of this snapshot, got nothing",
        ),
        (
            {"channels": [165], "widths_mhz": [160]},
            "widths_mhz[0]: expected a width with a legal block among the radio's channels in NO",
        ),
        (
            {"heard": [{"radio": "ap2/r5", "signal_dbm": 20}]},
            "heard[0].signal_dbm: expected at most 0, got 20",
        ),
        ({"bssids": ["a"], "heard": []}, None),
    ],
)
def test_a_mistake_is_told_with_its_place(changed: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert to_view(hall(**changed)).bssids["a"] == ONE
        return
    with pytest.raises(SnapshotErrors) as caught:
        to_view(hall(**changed))
    assert any(str(each).startswith(f"aps.ap1.radios.r5.{said}") for each in caught.value.errors), (
        caught.value
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"version": 2}', "version: expected 1, got 2"),
        (
            '{"site": {"id": "x", "country": "NX"}, "aps": {"a": {"radios": {"r": {"band": 5}}}}}',
            "site.country",
        ),
        ('{"site": {"id": "x", "country": "NO", "timezone": "Mars"}, "aps": {}}', "aps: expected at least 1"),
        ('{"aps": {}, "aps": {}}', "aps: expected a key once, got it twice in one object"),
        ("[1]", "snapshot: expected an object, got list"),
        ("{", "snapshot: expected JSON, got"),
        ('{"version": ' + "9" * 5000 + "}", "snapshot: expected JSON, got"),
        ('{"aps": {}}', "aps: expected at least 1, got nothing"),
        (
            '{"site": {"id": "x", "country": "NO", "timezone": "Mars"}, "aps": {}}',
            "site.timezone: expected a time zone",
        ),
        ('{"made_utc": "9999-99-99T00:00:00Z"}', "made_utc: expected an instant that there is"),
        ('{"made_utc": "yesterday"}', "made_utc: expected text like"),
        ('{"barred_mhz": [NaN]}', "barred_mhz[0]: expected"),
        (
            '{"barred_mhz": [5270]}',
            "barred_mhz[0]: expected the centre of a 20 MHz channel, in MHz, got 5270",
        ),
    ],
)
def test_what_is_no_snapshot_is_refused(text: str, said: str) -> None:
    with pytest.raises(SnapshotErrors) as caught:
        read(text)
    assert any(str(each).startswith(said) for each in caught.value.errors), caught.value


def test_a_time_zone_must_exist_and_a_bssid_is_of_one_radio() -> None:
    wrong = copy.deepcopy(HALL)
    wrong["site"]["timezone"] = "Europe/Atlantis"
    with pytest.raises(SnapshotErrors, match=r"site\.timezone: expected a time zone"):
        to_view(wrong)
    twice = hall(bssids=["a"])
    twice["aps"]["ap2"]["radios"]["r5"]["bssids"] = ["a"]
    with pytest.raises(SnapshotErrors, match="BSSIDs that no other radio has, got a"):
        to_view(twice)
