"""hostapd's get_status, from the recordings."""

from __future__ import annotations

import pytest
from hypothesis import given
from unit.drivers.openwrt.recorded import data, of_ssh, step, whole
from unit.drivers.openwrt.test_parse_wireless import JSON

from drivers.errors import Garbage
from drivers.openwrt.parse_hostapd import Status, status


def test_status_of_a_radio_that_serves() -> None:
    found = status(of_ssh("hostapd-ubus.json", "ubus call hostapd.phy0-ap0 get_status"))
    assert (found.state, found.frequency_mhz, found.width_mhz) == ("ENABLED", 5180, 80)
    assert (found.bssid, found.ssid, found.phy) == ("02:00:00:00:00:00", "lab5", "phy0")


def test_utilization_counts_to_255() -> None:
    """Trap 12."""
    found = status(of_ssh("hostapd-ubus.json", "ubus call hostapd.phy0-ap0 get_status"))
    assert found.busy_ratio == pytest.approx(31 / 255)


def test_a_radio_that_measured_nothing_has_no_utilization() -> None:
    assert status(of_ssh("hostapd-ubus.json", "ubus call hostapd.phy1-ap0 get_status")).busy_ratio is None


def test_the_length_of_a_cac_is_the_devices_word() -> None:
    """Trap 10: no regulatory database knows it."""
    samples = [status(each) for each in whole("hostapd.get_status.samples.json")["samples"]]
    assert [each.cac_s for each in samples] == [60.0, 60.0, None, 60.0]
    assert [each.cac_left_s for each in samples] == [None, None, None, 42.0]
    assert [each.state for each in samples] == ["ENABLED", "ENABLED", "ENABLED", "DFS"]


def test_get_status_is_early_when_a_switch_is_announced() -> None:
    """openwrt.md: it shows the new frequency before the countdown has ended."""
    assert status(data(step("csa", 1))).frequency_mhz == 5220


def test_twenty_mhz_without_an_offset_were_forty() -> None:
    """openwrt.md: seen as operating class 126."""
    assert status(data(step("csa", 13))).width_mhz == 40


@given(JSON)
def test_whatever_comes_it_is_a_status_or_garbage(said: object) -> None:
    answer = said if isinstance(said, dict) else {"status": "ENABLED", "dfs": said, "airtime": said}
    try:
        found = status(answer)
    except Garbage:
        return
    assert isinstance(found, Status)
    assert found.busy_ratio is None or 0 <= found.busy_ratio <= 1
