"""Dialects of which no recording is at hand: small synthetic answers, written from the vendors' MIBs, and
what must be read of them."""

from __future__ import annotations

import pytest
from contract.snmp_expected import said
from contract.test_snmp_dialects import (
    AP,
    ENTERPRISE,
    NET_SNMP,
    Values,
    device,
    readings,
    row,
    system,
)


class TestOthers:
    def test_xirrus_array(self) -> None:
        values = (
            system(f"{ENTERPRISE}.21013.1.1.10")
            | row(f"{ENTERPRISE}.21013.1.2.24.7.1", "1", c2=b"iap1", c3=36, c10=-92, c11=17)
            | row(f"{ENTERPRISE}.21013.1.2.24.7.1", "2", c2=b"iap2", c3=0, c10=0, c11=0)
            | row(f"{ENTERPRISE}.21013.1.2.12.1.1.1", "1", c4=5, c5=1, c7=15, c15=1, c22=2, c24=1, c32=1)
            | row(f"{ENTERPRISE}.21013.1.2.12.1.1.1", "2", c4=0, c5=1, c6=6, c7=20, c15=0, c24=1, c32=0)
        )
        told = readings(values)
        assert told["iap1"] == {
            "band": "5",
            "state": "on_air",
            "channel": 36,
            "width_mhz": 80,
            "center_mhz": 5210,
            "tx_power_dbm": 15,
            "client_count": 5,
            "busy_ratio": pytest.approx(0.17),
            "noise_dbm": -92,
            "managed": True,
        }
        assert told["iap2"]["state"] == "off"

    def test_a_xirrus_radio_on_no_channel_is_off_and_measures_nothing(self) -> None:
        values = (
            system(f"{ENTERPRISE}.21013.1.1.10")
            | row(f"{ENTERPRISE}.21013.1.2.24.7.1", "1", c2=b"iap1", c3=0, c10=-92, c11=17)
            | row(f"{ENTERPRISE}.21013.1.2.12.1.1.1", "1", c5=1, c7=15, c9=36, c24=1)
            | row(f"{ENTERPRISE}.21013.1.2.24.7.1", "2", c2=b"iap2", c3=36, c10=-92, c11=17)
        )
        told = readings(values)["iap1"]
        assert told["state"] == "off"
        assert not told.keys() & {"channel", "busy_ratio", "noise_dbm"}

    def test_an_airespace_radio_on_no_channel_is_off(self) -> None:
        """A channel or a level of 0 is none, and no reason to refuse the rest."""
        values = (
            system(f"{ENTERPRISE}.14179.1.1.4.3")
            | row(f"{ENTERPRISE}.14179.2.2.1.1", AP, c3=b"hall")
            | row(f"{ENTERPRISE}.14179.2.2.2.1", f"{AP}.1", c1=1, c2=2, c4=0, c6=0, c12=2, c22=b"23,20,17")
            | row(f"{ENTERPRISE}.14179.2.2.2.1", f"{AP}.0", c2=1, c4=6, c6=0, c12=2, c22=b"23,20,17")
        )
        told = readings(values)
        assert told["1"] == {"band": "5", "state": "off", "power_choices_dbm": [23, 20, 17]}
        assert told["0"] == {
            "band": "2.4",
            "state": "on_air",
            "channel": 6,
            "power_choices_dbm": [23, 20, 17],
        }

    def test_grandstream(self) -> None:
        values = (
            system(NET_SNMP)
            | {f"{ENTERPRISE}.42397.1.1.2.1.0": b"GWN7660"}
            | row(
                f"{ENTERPRISE}.42397.1.1.3.1.1",
                "1",
                c2=b"2G",
                c4=11,
                c5=20,
                c6=900,
                c7=100,
                c8=800,
                c9=8000,
                c10=7,
            )
        )
        assert readings(values) == {
            "2G": {
                "band": "2.4",
                "state": "on_air",
                "channel": 11,
                "tx_power_dbm": 20,
                "counters": {"tx_frames": 800, "tx_failed": 7, "tx_bytes": 8000},
            }
        }

    def test_fortiap_with_a_monitor_radio(self) -> None:
        entry = f"{ENTERPRISE}.12356.120.4.1.1"
        values = (
            system(f"{ENTERPRISE}.12356.120.2310")
            | row(entry, "0", c2=0, c3=b"US", c6=8, c10=17, c12=0, c14=6)
            | row(entry, "1", c2=0, c3=b"US", c6=11, c10=19, c12=3, c14=37)
            | row(entry, "2", c2=2, c3=b"US", c6=10, c10=0, c12=0, c14=0)
            | row(f"{ENTERPRISE}.12356.120.8.1.1", f"1.0.6.{AP}", c4=b"\x02\x11\x22\x33\x44\x56")
        )
        told = readings(values)
        assert [told[name].get("client_count") for name in "012"] == [0, 1, 0]
        assert [told[name]["state"] for name in "012"] == ["on_air", "on_air", "off"]
        assert (told["1"]["band"], told["1"]["channel"], told["1"]["width_mhz"]) == ("6", 37, 160)
        assert not told["2"].keys() & {"channel", "width_mhz", "tx_power_dbm"}

    def test_airmax_sector(self) -> None:
        entry = f"{ENTERPRISE}.41112.1.4"
        values = (
            system(f"{ENTERPRISE}.10002.1", b"Linux 2.6.33 #1")
            | row(f"{entry}.1.1", "1", c2=2, c4=5765, c6=24)
            | row(f"{entry}.5.1", "1", c4=bytes.fromhex("021122334455"), c8=-96, c14=40, c15=9)
            | row(f"{entry}.6.1", "1", c7=215)
        )
        assert readings(values)["1"] == {
            "band": "5",
            "state": "on_air",
            "channel": 153,
            "width_mhz": 40,
            "center_mhz": 5755,
            "tx_power_dbm": 24,
            "client_count": 9,
            "busy_ratio": pytest.approx(0.215),
            "noise_dbm": -96,
        }

    @pytest.mark.parametrize("family", [11, 13])
    def test_lancom(self, family: int) -> None:
        radio = "6.87.76.65.78.45.49"  # WLAN-1
        values = system(f"{ENTERPRISE}.2356.{family}.8.46") | row(
            f"{ENTERPRISE}.2356.{family}.1.3.57.1", radio, c2=2, c3=104, c5=-91, c6=12, c7=17
        )
        assert readings(values) == {
            "WLAN-1": {
                "band": "5",
                "state": "on_air",
                "channel": 104,
                "tx_power_dbm": 17,
                "busy_ratio": pytest.approx(0.12),
                "noise_dbm": -91,
            }
        }

    def test_epmp(self) -> None:
        entry = f"{ENTERPRISE}.17713.21.1.2"
        values = system(f"{ENTERPRISE}.17713.21") | row(entry, "0", c1=5745, c2=1, c10=14)
        assert readings(values) == {
            "radio": {
                "band": "5",
                "state": "on_air",
                "channel": 149,
                "width_mhz": 20,
                "center_mhz": 5745,
                "client_count": 14,
            }
        }

    def test_extreme_controller(self) -> None:
        values = (
            system(
                f"{ENTERPRISE}.4329.15.1.1.16", b"Extreme Networks Wireless Controller - V2110 10.51.12.0003"
            )
            | {"1.3.6.1.2.1.31.1.1.1.1.1001": b"hall radio 1", "1.3.6.1.2.1.31.1.1.1.1.1002": b"hall radio 2"}
            | row(f"{ENTERPRISE}.4329.15.3.5.2.4.1", "1001", c1=5180, c2=4)
            | row(f"{ENTERPRISE}.4329.15.3.1.4.3.1", "1001", c1=12, c31=-94, c32=-90, c39=21)
            | row(f"{ENTERPRISE}.4329.15.3.5.2.4.1", "1002", c1=0, c2=1)
            | row(f"{ENTERPRISE}.4329.15.3.1.4.3.1", "1002", c1=8)
        )
        there = device(values)
        assert (there.info.model, there.info.version) == ("V2110", "10.51.12.0003")
        told = {name: said(reading) for (_, name), reading in there.readings.items()}
        assert told["hall radio 1"] == {
            "band": "5",
            "state": "on_air",
            "channel": 36,
            "width_mhz": 80,
            "center_mhz": 5210,
            "busy_ratio": pytest.approx(0.21),
            "noise_dbm": -94,
        }
        assert (told["hall radio 2"]["band"], told["hall radio 2"]["state"]) == ("2.4", "off")

    def test_cambium_whose_numbers_are_text(self) -> None:
        entry = f"{ENTERPRISE}.17713.22.1.2.1"
        on: Values = {
            "c5": 14,
            "c6": b"36",
            "c7": b"80MHz",
            "c8": 21,
            "c13": b"ON",
            "c16": b"-92",
            "c18": b"37/20/17/0",
        }
        values = (
            system(f"{ENTERPRISE}.17713.22.1.40")
            | row(entry, "2", c3=b"5GHz", **on)
            | row(entry, "3", c3=b"6GHz", c6=b"", c13=b"OFF")
        )
        assert readings(values) == {
            "2": {
                "band": "5",
                "state": "on_air",
                "channel": 36,
                "width_mhz": 80,
                "center_mhz": 5210,
                "tx_power_dbm": 21,
                "client_count": 14,
                "busy_ratio": pytest.approx(0.37),
                "noise_dbm": -92,
            },
            "3": {"band": "6", "state": "off"},
        }

    def test_zyxel(self) -> None:
        entry = f"{ENTERPRISE}.890.1.15.3.5.1.1"
        values = (
            system(f"{ENTERPRISE}.890.1.15") | row(entry, "1", c2=4, c6=6) | row(entry, "2", c2=9, c6=100)
        )
        assert {name: (one["channel"], one["client_count"]) for name, one in readings(values).items()} == {
            "1": (6, 4),
            "2": (100, 9),
        }

    def test_ruckus_without_a_controller(self) -> None:
        entry = f"{ENTERPRISE}.25053.1.1.12.1.1.1"
        values = (
            system(f"{ENTERPRISE}.25053.3.1.4.71")
            | row(f"{entry}.2.1", "2", c1=6, c4=36, c6=0, c8=-99)
            | row(f"{entry}.3.1", "2", c2=3, c22=9000, c23=90, c50=b"12.5", c52=b"4.0", c53=b"3.5")
        )
        assert readings(values) == {
            "2": {
                "band": "5",
                "state": "on_air",
                "channel": 36,
                "client_count": 3,
                "busy_ratio": pytest.approx(0.125),
                "tx_ratio": pytest.approx(0.04),
                "rx_ratio": pytest.approx(0.035),
                "noise_dbm": -99,
                "counters": {"tx_frames": 90, "tx_bytes": 9000},
            }
        }
