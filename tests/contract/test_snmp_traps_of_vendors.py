"""Where vendors' MIBs and agents mislead a reader, one test for each way: on real recordings, and on small
synthetic answers where no recording shows it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from contract.snmp_expected import recorded, said, seen_in

from drivers.types import RadioReading

Values = Mapping[str, int | bytes | str]
AP = "2.17.34.51.68.85"  # 02:11:22:33:44:55
AIRESPACE = "1.3.6.1.4.1.14179.2.2"
INSTANT = "1.3.6.1.4.1.14823.2.3.3.1.2"
ARUBA = "1.3.6.1.4.1.14823.2.2.1.5"
IEEE = "1.2.840.10036"
MIKROTIK = "1.3.6.1.4.1.14988.1.1.1"
COLUMNS = {f"c{n}": 1000 + n for n in range(1, 34)}
HUAWEI = "1.3.6.1.4.1.2011.6.139.16.1.2.1"


def row(entry: str, index: str, **columns: int | bytes | str) -> dict[str, int | bytes | str]:
    """Values of one row; columns are named c1, c2."""
    return {f"{entry}.{name[1:]}.{index}": value for name, value in columns.items()}


def only(values: Values, profile: str) -> RadioReading:
    (one,) = seen_in(values, profile)
    assert one.reading is not None, one.refusals
    return one.reading


def instant(number: int = 0, **radio: int | bytes | str) -> dict[str, int | bytes | str]:
    """One AP of a cluster with one radio of this number."""
    return row(f"{INSTANT}.1.1", AP, c2=b"hall") | row(f"{INSTANT}.2.1", f"{AP}.{number}", **radio)


class TestAirespaceCountersAreNotInIeeeOrder:
    """Trap 1. IEEE802dot11-MIB: Failed 3, Retry 4, Transmitted 13. AIRESPACE: Retry 3, Transmitted 12,
    Failed 33."""

    def test_airespace(self) -> None:
        values = row(f"{AIRESPACE}.2.1", f"{AP}.1", c2=2, c4=36, c12=2) | row(
            f"{AIRESPACE}.6.1", f"{AP}.1", **COLUMNS
        )
        counters = only(values, "airespace").counters
        assert counters is not None
        assert (counters.tx_retries, counters.tx_frames, counters.tx_failed) == (1003, 1012, 1033)

    def test_ieee(self) -> None:
        columns = {**COLUMNS, "c5": 7}
        values = row(f"{IEEE}.4.5.1", "1", c1=6) | row(f"{IEEE}.2.2.1", "1", **columns)
        counters = only(values, "ieee80211").counters
        assert counters is not None
        assert (counters.tx_retries, counters.tx_frames, counters.tx_failed) == (1004, 1013, 1003)


class TestCounterSyntaxLies:
    """Trap 2. Typed as counters, and gauges all the same."""

    def test_mikrotik_client_count_and_ccq_are_no_totals(self) -> None:
        values = row(
            f"{MIKROTIK}.3.1", "3", c6=7, c7=2437, c8=b"2437/20-Ce/gn(18dBm)", c9=-104, c10=93, c11=7
        )
        reading = only(values, "mikrotik")
        assert reading.client_count == 7
        assert reading.counters is None

    def test_huawei_period_columns_are_no_totals(self) -> None:
        values = row(HUAWEI, f"{AP}.1", c5=2, c7=44, c35=900, c36=9000, c38=11, c39=12, c44=13, c49=14)
        counters = only(values, "huawei").counters
        assert counters is not None
        assert (counters.tx_frames, counters.tx_retries, counters.tx_failed) == (900, 14, None)

    def test_ruckus_air_time_is_text_under_a_counter(self) -> None:
        readings = recorded("ruckuswireless-hotzone").readings
        busy = {name: said(one).get("busy_ratio") for (_, name), one in readings.items()}
        assert busy == {"1": pytest.approx(0.037), "2": None}

    def test_ruckus_air_time_that_is_a_counter_after_all_is_no_ratio(self) -> None:
        entry = "1.3.6.1.4.1.25053.1.1.12.1.1.1"
        values = row(f"{entry}.2.1", "1", c4=6, c8=-98) | row(f"{entry}.3.1", "1", c2=4, c50=481516)
        gauges = only(values, "ruckus-standalone").gauges
        assert gauges is not None
        assert (gauges.noise_dbm, gauges.busy_ratio) == (-98, None)


class TestGarbageCounters:
    """Trap 3. What can't be true is not read, and nothing else of that row."""

    def test_another_table_s_memory_is_refused_as_a_whole_with_one_line(self) -> None:
        """Row 7 of dot11CountersTable: 2346, 7, 6, 2346, 204, 0, then "Aerohive Networks" in letters."""
        device = recorded("hiveos-wireless_2", "ieee80211")
        counters = {name: reading.counters for (_, name), reading in device.readings.items()}
        assert counters["wifi0"] is None
        assert counters["wifi1"] is not None
        assert [(line["section"], line["row"]) for line in device.log] == [("counters", "7")]

    def test_the_vendor_s_own_counters_beside_it_are_read(self) -> None:
        device = recorded("hiveos-wireless_2")
        failed = {name: said(reading)["counters"] for (_, name), reading in device.readings.items()}
        assert failed == {
            "wifi0": {"tx_frames": 0, "tx_retries": 0, "tx_failed": 0},
            "wifi1": {"tx_frames": 0, "tx_retries": 0, "tx_failed": 1},
        }

    def test_unifi_that_does_not_fill_its_utilisation(self) -> None:
        for reading in recorded("unifi_nanohd").readings.values():
            assert reading.client_count
            assert reading.gauges is None

    def test_unifi_that_does(self) -> None:
        entry = "1.3.6.1.4.1.41112.1.6.1"
        values = row(f"{entry}.1.1", "1", c3=b"ng", c6=31, c7=12, c8=0) | row(
            f"{entry}.2.1", "1", c4=11, c8=3, c9=b"ng", c21=20
        )
        gauges = only(values, "unifi").gauges
        assert gauges is not None
        assert (gauges.busy_ratio, gauges.rx_ratio, gauges.tx_ratio) == (0.31, 0.12, 0.0)

    def test_more_management_frames_than_frames(self) -> None:
        device = recorded("aruba-instant_105")
        bare = {key for key, reading in device.readings.items() if reading.counters is None}
        assert bare == {("24:de:c6:c3:50:a4", "1"), ("24:de:c6:c3:52:da", "1")}
        assert all(reading.channel is not None for reading in device.readings.values())
        assert [line["event"] for line in device.log] == ["snmp.row_refused"] * 2

    def test_meraki_tells_5_ghz_channels_where_the_mib_allows_14(self) -> None:
        assert {said(one)["channel"] for one in recorded("merakimr_mr28").readings.values()} == {11, 64}


class TestSixGhzChannelOfArubaInstant:
    """Trap 4. "53S" is channel 53 of 6 GHz, 160 MHz wide; a well-known reader makes frequency 0 of it."""

    @pytest.mark.parametrize(
        ("text", "number", "band", "channel", "width", "center"),
        [
            (b"53S", 2, "6", 53, 160, 6185),
            (b"53S", 0, "6", 53, 160, 6185),
            (b"37E", 2, "6", 37, 80, 6145),
            (b"1", 2, "6", 1, 20, 5955),
            (b"149E", 2, "6", 149, 80, 6705),
            (b"149E", 0, "5", 149, 80, 5775),
            (b"116E", 0, "5", 116, 80, 5610),
            (b"44+", 0, "5", 44, 40, 5230),
            (b"48-", 0, "5", 48, 40, 5230),
            (b"161", 0, "5", 161, 20, 5805),
            (b"100E", 2, "5", 100, 80, 5530),
            (b"11", 1, "2.4", 11, 20, 2462),
            (b"1+", 1, "2.4", 1, 40, 2422),
            (b"11-", 1, "2.4", 11, 40, 2452),
        ],
    )
    def test_text(self, text: bytes, number: int, band: str, channel: int, width: int, center: int) -> None:
        values = instant(number=number, c2=number, c4=text, c5=18, c20=1)
        (one,) = seen_in(values, "aruba-instant")
        told = said(one.reading)
        assert told["band"] == band
        assert (told["channel"], told["width_mhz"], told["center_mhz"]) == (channel, width, center)

    @pytest.mark.parametrize(
        ("number", "band", "channel", "width"),
        [
            (388, "5", 132, 40),
            (356, "5", 100, 40),
            (0x228, "5", 40, 40),
            (36, "5", 36, 20),
            (6, "2.4", 6, 20),
        ],
    )
    def test_number_of_older_firmware(self, number: int, band: str, channel: int, width: int) -> None:
        told = said(seen_in(instant(c2=0, c4=number, c20=1), "aruba-instant")[0].reading)
        assert (told["band"], told["channel"], told["width_mhz"]) == (band, channel, width)


class TestNoiseHasManySigns:
    """Trap 5."""

    @pytest.mark.parametrize(("told", "dbm"), [(94, -94), (-94, -94), (0, None)])
    def test_aruba_instant_states_it_without_a_sign(self, told: int, dbm: int | None) -> None:
        gauges = only(instant(c2=0, c4=b"36", c6=told, c8=5, c20=1), "aruba-instant").gauges
        assert gauges is not None
        assert gauges.noise_dbm == dbm

    @pytest.mark.parametrize(("told", "dbm"), [(161, -95), (-95, -95), (0, None)])
    def test_aerohive_states_a_byte(self, told: int, dbm: int | None) -> None:
        entry = "1.3.6.1.4.1.26928.1.1.1.2.1.5.1"
        gauges = only(row(entry, "7", c1=1, c2=5, c3=told), "aerohive").gauges
        assert (None if gauges is None else gauges.noise_dbm) == dbm

    def test_as_recorded(self) -> None:
        assert {said(one)["noise_dbm"] for one in recorded("hiveos-wireless_2").readings.values()} == {-95}
        assert {said(one)["noise_dbm"] for one in recorded("aruba-instant_105").readings.values()} == {
            -93,
            -94,
        }


class TestArubaControllerPowers:
    """Trap 6. One column is twice the dBm, the other ten times."""

    @pytest.mark.parametrize(
        ("columns", "dbm"),
        [({"c4": 39, "c17": 195}, 19.5), ({"c4": 39}, 19.5), ({"c17": 95}, 9.5), ({}, None)],
    )
    def test_power(self, columns: dict[str, int], dbm: float | None) -> None:
        values = row(f"{ARUBA}.2.1.5.1", f"{AP}.1", c2=1, c3=44, c9=4, **columns)
        power = only(values, "aruba-controller").tx_power_dbm
        assert (None if power is None else power.value) == (None if dbm is None else pytest.approx(dbm))

    def test_as_recorded(self) -> None:
        powers = [said(one)["tx_power_dbm"] for one in recorded("arubaos").readings.values()]
        assert len(powers) == 1380
        assert all(isinstance(each, float) and 0 <= each <= 21 for each in powers)


class TestPowerLevelIsNoDbm:
    """Trap 7. Level 1 is the loudest of the radio's own list, whose length differs from radio to radio."""

    @pytest.mark.parametrize(
        ("choices", "level", "dbm"),
        [
            (b"23,20,17,14,11,8,5,2", 1, 23),
            (b"23,20,17,14,11,8,5,2", 8, 2),
            (b"16,13,10,7,4,1,-1", 6, 1),
            (b"16,13,10,7,4,1,-1", 8, None),
            (b"", 1, None),
        ],
    )
    def test_level(self, choices: bytes, level: int, dbm: int | None) -> None:
        values = row(f"{AIRESPACE}.2.1", f"{AP}.1", c2=2, c4=36, c6=level, c12=2, c22=choices)
        power = only(values, "airespace").tx_power_dbm
        assert (None if power is None else power.value) == dbm


class TestUtilisationBeyondItsScale:
    """Trap 9, as SNMP has it: more than 100 percent is nonsense, not a very busy channel."""

    @pytest.mark.parametrize("told", [101, 255, -1])
    def test_is_not_read(self, told: int) -> None:
        values = instant(c2=0, c4=b"36", c6=94, c8=told, c20=1)
        (one,) = seen_in(values, "aruba-instant")
        assert one.reading is not None
        assert one.reading.gauges is None
        assert [each.section for each in one.refusals] == ["gauges"]
