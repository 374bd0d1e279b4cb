"""Dialects of which no recording is at hand, or only a poor one: small synthetic answers, written from the
vendors' MIBs, and what must be read of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from contract.snmp_expected import Device, asked, said

from drivers.errors import PersonNeeded
from drivers.snmp.load import shipped
from drivers.snmp.recording import RecordedSession

Values = dict[str, int | bytes | str]
SYSTEM = "1.3.6.1.2.1.1"
ENTERPRISE = "1.3.6.1.4.1"
NET_SNMP = f"{ENTERPRISE}.8072.3.2.10"
AP = "2.17.34.51.68.85"  # 02:11:22:33:44:55
MAC = "02:11:22:33:44:55"


def system(kind: str, descr: bytes = b"") -> Values:
    return {f"{SYSTEM}.1.0": descr, f"{SYSTEM}.2.0": kind, f"{SYSTEM}.3.0": 4711}


def row(entry: str, index: str, **columns: int | bytes | str) -> Values:
    """Values of one row; columns are named c1, c2."""
    return {f"{entry}.{name[1:]}.{index}": value for name, value in columns.items()}


def device(values: Mapping[str, int | bytes | str]) -> Device:
    return asyncio.run(asked(RecordedSession(values)))


def readings(values: Mapping[str, int | bytes | str]) -> dict[str, dict[str, object]]:
    """By the radio's name, of a device that is one AP or has but one."""
    return {name: said(reading) for (_, name), reading in device(values).readings.items()}


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_dialect_is_found_by_what_the_device_says(name: str) -> None:
    match = shipped()[name].match
    assert match.sys_object_id or match.has


class TestArubaController:
    RADIO = f"{ENTERPRISE}.14823.2.2.1.5.2.1.5.1"
    AIR = f"{ENTERPRISE}.14823.2.2.1.5.3.1.6.1"
    ACCESS_POINT = f"{ENTERPRISE}.14823.2.2.1.5.2.1.4.1"

    def test_air_statistics_go_before_the_radio_s_own_load(self) -> None:
        values = (
            system(f"{ENTERPRISE}.14823.1.1.32", b"ArubaOS (MODEL: Aruba7210), Version 8.10.0.9")
            | row(self.ACCESS_POINT, AP, c3=b"hall-1", c13=b"635")
            | row(self.RADIO, f"{AP}.3", c2=6, c3=37, c5=2, c6=3, c7=4, c9=2, c13=12, c15=b"37S", c17=180)
            | row(self.AIR, f"{AP}.3", c9=93, c12=7, c23=5, c24=70, c33=1000, c35=11, c36=6, c37=29)
        )
        there = device(values)
        assert (there.info.model, there.info.version) == ("Aruba7210", "8.10.0.9")
        assert [(ap.mac, ap.name, ap.model) for ap in there.info.found] == [(MAC, "hall-1", "635")]
        assert said(there.readings[MAC, "3"]) == {
            "band": "6",
            "state": "on_air",
            "channel": 37,
            "width_mhz": 160,
            "center_mhz": 6185,
            "tx_power_dbm": pytest.approx(18),
            "client_count": 4,
            "busy_ratio": pytest.approx(0.29),
            "rx_ratio": pytest.approx(0.11),
            "tx_ratio": pytest.approx(0.06),
            "noise_dbm": -93,
            "retry_ratio": pytest.approx(0.07),
            "counters": {"tx_frames": 1000, "tx_retries": 70, "tx_failed": 5},
        }

    @pytest.mark.parametrize(("mode", "state"), [(1, "off"), (2, "on_air"), (3, "on_air"), (7, "off")])
    def test_monitors_serve_nobody(self, mode: int, state: str) -> None:
        values = system(f"{ENTERPRISE}.14823.1.1.32") | row(self.RADIO, f"{AP}.1", c2=1, c3=44, c5=mode, c9=4)
        assert readings(values)["1"]["state"] == state

    def test_40_mhz_in_2_4_ghz_has_its_centre_from_the_suffix(self) -> None:
        values = system(f"{ENTERPRISE}.14823.1.1.32") | row(
            self.RADIO, f"{AP}.2", c2=3, c3=11, c9=4, c13=3, c15=b"11-"
        )
        told = readings(values)["2"]
        assert (told["width_mhz"], told["center_mhz"]) == (40, 2452)


class TestRuckusZoneDirector:
    BASE = f"{ENTERPRISE}.25053.1.2"

    @pytest.mark.parametrize("ap", [AP, f"6.{AP}"])
    def test_with_and_without_a_length_before_the_mac(self, ap: str) -> None:
        tables = f"{self.BASE}.2.1.1.2"
        values = (
            system(f"{ENTERPRISE}.25053.3.1.5.3")
            | {f"{self.BASE}.1.1.1.1.9.0": b"ZD3050"}
            | row(f"{tables}.1.1", ap, c2=b"lobby", c3=1, c4=b"zf7982")
            | row(
                f"{tables}.2.1",
                f"{ap}.0",
                c3=2,
                c4=6,
                c5=0,
                c8=3,
                c13=900,
                c16=4,
                c17=80,
                c20=12,
                c21=800,
                c40=33,
            )
            | row(
                f"{tables}.2.1",
                f"{ap}.1",
                c3=4,
                c4=44,
                c5=1,
                c8=1,
                c13=500,
                c16=1,
                c17=9,
                c20=2,
                c21=90,
                c40=12,
            )
            | row(
                f"{self.BASE}.2.1.1.3.1.1",
                "2.0.0.0.0.9",
                c2=bytes.fromhex("021122334455"),
                c3=bytes.fromhex("021122334456"),
                c6=5,
                c12=70,
                c14=8,
                c24=1,
                c81=-61,
            )
        )
        there = device(values)
        assert [(found.mac, found.name, found.model) for found in there.info.found] == [
            (MAC, "lobby", "zf7982")
        ]
        low, high = there.readings[MAC, "0"], there.readings[MAC, "1"]
        assert said(low) == {
            "band": "2.4",
            "state": "on_air",
            "channel": 6,
            "client_count": 3,
            "busy_ratio": 0.33,
            "per": pytest.approx(0.0012),
            "retry_ratio": pytest.approx(0.08),
            "counters": {"tx_frames": 900, "tx_retries": 80, "tx_failed": 4},
        }
        assert low.clients == ()
        assert high.clients is not None
        assert [(each.signal_dbm, each.tx_retries) for each in high.clients] == [(-61, 8)]

    def test_smartzone_tells_aps_and_no_radio(self) -> None:
        values = system(f"{ENTERPRISE}.25053.3.1.11.1") | row(
            f"{ENTERPRISE}.25053.1.4.2.1.1.2.2.1", f"6.{AP}", c5=b"lobby", c8=b"R510", c15=4, c16=b"Connect"
        )
        there = device(values)
        assert [(ap.mac, ap.name, ap.model, ap.radios) for ap in there.info.found] == [
            (MAC, "lobby", "R510", ())
        ]
        assert not there.readings

    def test_unleashed_has_the_same_tables_elsewhere(self) -> None:
        tables = f"{ENTERPRISE}.25053.1.15.2.1.1.2"
        values = (
            system(f"{ENTERPRISE}.25053.3.1.14.1")
            | {f"{ENTERPRISE}.25053.1.15.1.1.1.1.9.0": b"Unleashed"}
            | row(f"{tables}.2.1", f"6.{AP}.1", c3=4, c4=149, c8=2)
        )
        assert readings(values) == {"1": {"band": "5", "state": "on_air", "channel": 149, "client_count": 2}}


class TestUniFi:
    ENTRY = f"{ENTERPRISE}.41112.1.6"

    def test_three_bands_and_their_vaps(self) -> None:
        values = system(NET_SNMP, b"U6-Enterprise 6.5.28") | {f"{self.ENTRY}.3.3.0": b"U6-Enterprise"}
        for index, kind, busy in ((1, b"ng", 40), (2, b"na", 9), (3, b"6e", 2)):
            values |= row(f"{self.ENTRY}.1.1.1", str(index), c3=kind, c6=busy, c7=1, c8=0)
        vaps = ((1, b"ng", 6, 5, 20), (2, b"na", 100, 3, 23), (3, b"na", 100, 4, 23), (4, b"6e", 37, 1, 24))
        for index, kind, channel, clients, power in vaps:
            values |= row(
                f"{self.ENTRY}.1.2.1",
                str(index),
                c4=channel,
                c8=clients,
                c9=kind,
                c16=1000 * index,
                c18=index,
                c19=100 * index,
                c20=10 * index,
                c21=power,
            )
        told = readings(values)
        assert [(told[name]["band"], told[name]["channel"]) for name in "123"] == [
            ("2.4", 6),
            ("5", 100),
            ("6", 37),
        ]
        assert told["2"]["client_count"] == 7
        assert told["2"]["counters"] == {"tx_frames": 500, "tx_retries": 50, "tx_failed": 5, "tx_bytes": 5000}
        assert (told["3"]["busy_ratio"], told["3"]["tx_ratio"]) == (0.02, 0.0)


class TestMikroTik:
    TABLE = f"{ENTERPRISE}.14988.1.1.1"

    @pytest.mark.parametrize(
        ("band", "mhz", "width", "center", "power"),
        [
            (b"2437/20/gn(17dBm)", 2437, 20, 2437, 17),
            (b"2412/20-Ce/gn(18dBm)", 2412, 40, 2422, 18),
            (b"2462/20-eC/gn(18dBm)", 2462, 40, 2452, 18),
            (b"5180/20-Ceee/ac(20dBm)", 5180, 80, 5210, 20),
            (b"5745/20-Ceee/an+ac(-2dBm)", 5745, 80, 5775, -2),
            (b"5ghz-a/n/ac", 5500, None, None, None),
        ],
    )
    def test_band_says_width_and_power(
        self, band: bytes, mhz: int, width: int | None, center: int | None, power: int | None
    ) -> None:
        values = system(f"{ENTERPRISE}.14988.1", b"RouterOS hAP ac2") | row(
            f"{self.TABLE}.3.1", "7", c6=3, c7=mhz, c8=band, c9=-104
        )
        told = readings(values | {"1.3.6.1.2.1.31.1.1.1.1.7": b"wlan1"})["wlan1"]
        assert [told.get(name) for name in ("width_mhz", "center_mhz", "tx_power_dbm")] == [
            width,
            center,
            power,
        ]
        assert (told["client_count"], told["noise_dbm"]) == (3, -104)

    def test_a_frequency_between_the_channels_is_no_channel(self) -> None:
        values = system(f"{ENTERPRISE}.14988.1") | row(f"{self.TABLE}.3.1", "7", c6=1, c7=5187, c9=-100)
        told = readings(values)["7"]
        assert "channel" not in told
        assert told["noise_dbm"] == -100

    def test_a_station_is_an_uplink(self) -> None:
        values = system(f"{ENTERPRISE}.14988.1") | row(
            f"{self.TABLE}.1.1", "3", c4=-61, c7=5500, c8=b"5ghz-n"
        )
        (reading,) = device(values).readings.values()
        assert reading.uplink
        assert said(reading) == {"band": "5", "state": "on_air", "channel": 100}

    def test_capsman(self) -> None:
        values = (
            system(f"{ENTERPRISE}.14988.1")
            | row(f"{self.TABLE}.7.1", "20", c2=6, c4=b"running-ap", c5=b"5500/20-Ceee/ac/DP(27dBm)")
            | row(f"{self.TABLE}.7.1", "21", c2=2, c4=b"running-ap", c5=b"")
        )
        assert readings(values) == {
            "20": {
                "band": "5",
                "state": "on_air",
                "channel": 100,
                "width_mhz": 80,
                "center_mhz": 5530,
                "tx_power_dbm": 27,
                "client_count": 6,
            }
        }


class TestHuawei:
    def test_all_that_the_mib_has(self) -> None:
        entry = f"{ENTERPRISE}.2011.6.139.16.1.2.1"
        columns = {"c5": 2, "c6": 1, "c7": 36, "c10": 4, "c11": 1, "c23": 2, "c24": -95, "c25": 41, "c27": 9}
        more = {"c28": 30, "c35": 900, "c36": 90000, "c40": 12, "c45": 23, "c49": 80, "c53": 1, "c54": 2}
        values = system(f"{ENTERPRISE}.2011.2.240.6") | row(entry, f"{AP}.1", **columns, **more)
        assert readings(values)["1"] == {
            "band": "5",
            "state": "on_air",
            "channel": 36,
            "width_mhz": 80,
            "center_mhz": 5210,
            "tx_power_dbm": 23,
            "client_count": 12,
            "busy_ratio": pytest.approx(0.41),
            "tx_ratio": pytest.approx(0.09),
            "rx_ratio": pytest.approx(0.3),
            "noise_dbm": -95,
            "per": pytest.approx(0.02),
            "counters": {"tx_frames": 900, "tx_retries": 80, "tx_bytes": 90000},
            "managed": True,
        }

    def test_a_column_that_nobody_proved_counts_no_clients(self) -> None:
        values = (
            system(f"{ENTERPRISE}.2011.2.240.6")
            | row(f"{ENTERPRISE}.2011.6.139.16.1.2.1", f"{AP}.1", c5=2, c7=36)
            | row(f"{ENTERPRISE}.2011.6.139.17.1.1.1", f"{AP}.1.1", c9=0)
        )
        assert "client_count" not in readings(values)["1"]

    def test_numbers_that_mean_nothing(self) -> None:
        entry = f"{ENTERPRISE}.2011.6.139.16.1.2.1"
        values = system(f"{ENTERPRISE}.2011.2.240.6") | row(
            entry, f"{AP}.0", c5=1, c6=2, c7=0, c10=255, c24=0, c45=255
        )
        assert readings(values) == {"0": {"band": "2.4", "state": "off"}}

    def test_40_mhz_below(self) -> None:
        entry = f"{ENTERPRISE}.2011.6.139.16.1.2.1"
        values = system(f"{ENTERPRISE}.2011.2.240.6") | row(entry, f"{AP}.0", c5=1, c6=1, c7=9, c10=3)
        told = readings(values)["0"]
        assert (told["width_mhz"], told["center_mhz"]) == (40, 2442)


class TestScriptsOfNetSnmp:
    EXTEND = f"{ENTERPRISE}.8072.1.3.2.3.1"

    def script(self, name: str, says: bytes) -> Values:
        index = ".".join(map(str, (len(name), *name.encode())))
        return row(self.EXTEND, index, c1=says)

    def test_another_linux_ap(self) -> None:
        values = (
            system(NET_SNMP, b"Linux RT-AX88U 4.1.51")
            | self.script("frequency-eth6", b"2437")
            | self.script("noise-floor-eth6", b"-88")
            | self.script("clients-eth6", b"5")
            | self.script("frequency-eth7", b"5500")
        )
        assert device(values).info.vendor == "Linux"
        assert readings(values) == {
            "eth6": {"band": "2.4", "state": "on_air", "channel": 6, "noise_dbm": -88, "client_count": 5},
            "eth7": {"band": "5", "state": "on_air", "channel": 100},
        }

    def test_a_server_with_scripts_of_its_own_is_no_ap(self) -> None:
        with pytest.raises(PersonNeeded):
            device(system(NET_SNMP, b"Linux mail 6.1.0") | self.script("mailq", b"3"))
