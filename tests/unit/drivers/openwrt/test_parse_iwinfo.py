"""iwinfo over ubus: the traps of its numbers, from the recordings and from what others saw."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.drivers.openwrt.recorded import data, of_ssh, step, whole
from unit.drivers.openwrt.test_parse_wireless import JSON

from drivers.errors import Garbage
from drivers.openwrt.parse_iwinfo import allowed, clients, info, neighbors, noise, powers, survey
from inventory.model import Band

DEVICE = '{"device":"phy0-ap0"}'


def test_info_tells_place_and_power() -> None:
    found = info(of_ssh("iwinfo.json", f"ubus call iwinfo info '{DEVICE}'"))
    assert (found.frequency_mhz, found.width_mhz, found.center_mhz) == (5180, 80, 5210)
    assert (found.tx_power_dbm, found.country, found.phy) == (23.0, "US", "phy0")


def test_info_in_cac_shows_the_channel_that_is_not_served() -> None:
    """openwrt.md: iwinfo info shows ssid, bssid and channel in CAC too: no proof of service."""
    assert info(data(step("dfs-cac", 4))).frequency_mhz == 5260


def test_noise_is_an_unsigned_byte() -> None:
    """Trap 5: 170 is -86 dBm, 0 is none."""
    (row,) = survey(whole("iwinfo.survey.25.12.json"), Band.GHZ_2_4, 2462) or ()
    assert row.noise_dbm == -86
    assert row.in_use
    assert (row.active_ms, row.busy_ms) == (250461980, 78209022)
    assert (row.rx_ms, row.tx_ms) == (66938467, 8898750)


@pytest.mark.parametrize(
    ("said", "dbm"), [(170, -86), (164, -92), (-92, -92), (0, None), (95, None), (300, None), ("x", None)]
)
def test_noise(said: object, dbm: float | None) -> None:
    assert noise(said) == dbm


def test_a_survey_of_another_band_and_of_channels_never_visited_is_left_out() -> None:
    rows = survey(of_ssh("iwinfo.json", f"ubus call iwinfo survey '{DEVICE}'"), Band.GHZ_5, 5180) or ()
    assert [row.frequency_mhz for row in rows] == [5180, 5200]
    assert [row.in_use for row in rows] == [True, False]


def test_receive_times_longer_than_the_whole_are_garbage() -> None:
    """mwlwifi counts 1.4e19 ms."""
    row = {"mhz": 5180, "noise": 160, "active_time": 1000, "busy_time": 200, "tx_time": 10**19}
    (found,) = survey({"results": [row | {"rx_time": 14_000_000_000_000_000_000}]}, Band.GHZ_5, 5180) or ()
    assert (found.rx_ms, found.tx_ms, found.busy_ms) == (None, None, 200)


def test_of_a_frequency_told_twice_the_longer_row_counts() -> None:
    rows = [
        {"mhz": 5180, "active_time": 10, "busy_time": 1},
        {"mhz": 5180, "active_time": 90, "busy_time": 9},
    ]
    (found,) = survey({"results": rows}, Band.GHZ_5, 5180) or ()
    assert found.active_ms == 90


def test_a_survey_with_nothing_in_it_is_none() -> None:
    assert survey({"results": []}, Band.GHZ_5, 5180) is None
    assert survey({"results": [{"mhz": 5180, "active_time": 0}]}, Band.GHZ_5, 5180) is None


def test_retries_and_failures_come_from_the_assoclist() -> None:
    """openwrt.md: get_clients carries none of them."""
    (found,) = clients(of_ssh("iwinfo.json", f"ubus call iwinfo assoclist '{DEVICE}'"), "02:00:00:00:00:00")
    assert (found.mac, found.signal_dbm, found.connected_s) == ("02:00:00:00:02:00", -50.0, 11)
    assert (found.tx_frames, found.tx_retries, found.tx_failed, found.tx_bytes) == (38, 0, 0, 4309)


def test_under_loss_the_assoclist_counts_what_get_clients_does_not() -> None:
    """20 % loss per attempt and more: retries grow, and where ACKs are lost too."""
    grown = {}
    for phase in whole("loss.json")["phases"]:
        before, after = (_retries(phase[when]["assoclist"]) for when in ("before", "after"))
        grown[phase["phase"]] = after - before
        assert "retries" not in str(phase["after"]["get_clients"])
    assert grown["clean"] < grown["loss 20% down"] < grown["loss 80% down"]
    assert grown["ack loss 50%"] > grown["clean"]


def _retries(said: Any) -> int:
    return sum(each.tx_retries or 0 for each in clients(said, None))


def test_the_unit_of_get_clients_rates_does_not_matter() -> None:
    """Trap 8: 866700 was 866.7 Mbit/s, 1440000 is 14.4: no rate is read from there."""
    told = of_ssh("hostapd-ubus.json", "ubus call hostapd.phy0-ap0 get_clients")["clients"]
    ((mac, client),) = told.items()
    kept = repr(clients(of_ssh("iwinfo.json", f"ubus call iwinfo assoclist '{DEVICE}'"), None))
    assert mac in kept
    assert str(client["rate"]["rx"]) not in kept


def test_restricted_channels_may_not_be_used() -> None:
    said = of_ssh("iwinfo.json", f"ubus call iwinfo freqlist '{DEVICE}'")
    found = allowed(said, Band.GHZ_5) or frozenset()
    assert {5180, 5260, 5745} <= found
    assert 5845 not in found
    assert allowed(said, Band.GHZ_6) == frozenset()


def test_freqlist_does_not_show_what_radar_has_barred() -> None:
    """openwrt.md: the NOP is told by `iw phy channels` only."""
    assert 5260 in (allowed(data(step("dfs-radar_fixed", 18)), Band.GHZ_5) or ())


def test_powers_to_choose_from() -> None:
    found = powers(of_ssh("iwinfo.json", f"ubus call iwinfo txpowerlist '{DEVICE}'"))
    assert found == tuple(range(24))


def test_a_scan_tells_neighbours_once_and_as_loud_as_heard() -> None:
    row = {"ssid": "next", "bssid": "AA:00:00:00:00:01", "channel": 36, "signal": -70, "quality": 40}
    wide = row | {
        "mhz": 5180,
        "vht_operation": {"channel_width": 80, "center_freq_1": 42, "center_freq_2": 0},
    }
    (found,) = neighbors({"results": [row, wide | {"signal": -60}]}, Band.GHZ_5)
    assert (found.bssid, found.channel, found.signal_dbm) == ("aa:00:00:00:00:01", 36, -60.0)
    assert (found.width_mhz, found.center_mhz) == (80, 5210)


def test_160_mhz_is_told_by_a_second_segment() -> None:
    vht = {"channel_width": 80, "center_freq_1": 42, "center_freq_2": 50}
    row = {"bssid": "aa:00:00:00:00:01", "mhz": 5180, "signal": -70, "vht_operation": vht}
    (found,) = neighbors({"results": [row]}, Band.GHZ_5)
    assert (found.width_mhz, found.center_mhz) == (160, 5250)


@given(JSON)
def test_whatever_comes_it_is_a_reading_or_garbage(said: object) -> None:
    answer = said if isinstance(said, dict) else {"results": said}
    for parse in (
        lambda: survey(answer, Band.GHZ_5, 5180),
        lambda: clients(answer, None),
        lambda: allowed(answer, Band.GHZ_5),
        lambda: powers(answer),
        lambda: neighbors(answer, Band.GHZ_5),
    ):
        try:
            parse()
        except Garbage:
            continue
    info(answer)


@given(st.dictionaries(st.sampled_from(["mhz", "noise", "active_time", "busy_time", "rx_time"]), JSON))
def test_no_row_of_a_survey_is_longer_than_itself(row: dict[str, object]) -> None:
    for found in survey({"results": [{"mhz": 5180, **row}]}, Band.GHZ_5, 5180) or ():
        assert found.active_ms is not None
        assert (found.busy_ms or 0) <= found.active_ms
        assert found.noise_dbm is None or -128 <= found.noise_dbm < 0


def test_a_list_of_powers_that_are_all_zero_is_none() -> None:
    assert powers({"results": [{"dbm": 0}, {"dbm": 0}]}) is None
    assert powers({"results": [{"dbm": 0}, {"dbm": 5}]}) == (0, 5)
